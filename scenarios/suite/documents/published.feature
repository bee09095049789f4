Feature: What the project publishes
  Pages that somebody relies on: what is not like the real device, and how a program says how it ended. They stand in
  the repository, and the runner carries them in itself.

  @EX-01
  Scenario Outline: What of the seeds is not reproduced is said with their words
    Then the fidelity notes say of "<what>" that the vendor says "<words>", and what is done instead

    Examples:
      | what                       | words                                           |
      | the client's platform      | only available for the Windows operating system |
      | the drivers                | must be installed using the Full option         |
      | the certified reader model | Gemalto/Thales IDBridge CT30                    |

  @EX-01
  Scenario: What is ours where the seeds are silent is said with its reason
    Then the fidelity notes say of every topic what the vendor says, what is done and why

  @CL-03
  Scenario: How the client ended is told to programs in one way
    Then every outcome of the client has an exit code of the table and a JSON form of its own
