Feature: Local access has priority
  Somebody who stands at the HSM comes first. Any local activity ends remote management until it is enabled again.

  Rule: Local pre-emption

    Background:
      Given an HSM ready for remote management

    @RM-10 @RM-17 @RM-15
    Scenario Outline: Somebody <hand> while a manager is connected
      When Ana connects
      And somebody <hand>
      Then the session of Ana has ended with preempted
      And the console shows "Main"
      And the console does not show "RM (press ESC to exit)"
      When Bruno connects
      Then Bruno is denied with not_armed

      Examples:
        | hand                                 |
        | presses Enter                        |
        | presses a letter                     |
        | puts a card into the local reader    |
        | takes a card out of the local reader |
        | presses the power button             |

    @RM-10 @RM-17 @AU-18
    Scenario Outline: Somebody <hand> while a process is under way
      When Ana connects and authenticates
      And somebody <hand>
      Then Ana is told that the process was reset by preempted
      And the session of Ana has ended with preempted
      And the log says "custodian process reset: preempted" 1 time

      Examples:
        | hand                                 |
        | presses Enter                        |
        | puts a card into the local reader    |
        | presses the power button             |

    @RM-10 @RM-15
    Scenario: The administrator is no exception
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And somebody presses a letter
      Then the session of Bruno has ended with preempted
      And nobody is the administrator

    @RM-10 @RM-17 @RM-15 @AU-13
    Scenario Outline: Somebody <hand> at every position of the protocol
      When somebody <hand> at every message of a process with the cards of Ana and Bruno
      Then there were at least 40 positions
      And at every position the manager was told <reason>
      And at every position nobody is the administrator
      And at every position remote management is disabled
      And at every position no card has lost a try

      Examples:
        | hand                                 | reason    |
        | presses Enter                        | preempted |
        | presses Esc                          | disarmed  |
        | puts a card into the local reader    | preempted |
        | takes a card out of the local reader | preempted |
        | presses the power button             | preempted |

    @RM-17
    Scenario Outline: Somebody <hand> while nobody is connected
      When somebody <hand>
      Then the console shows "Main"
      When Ana connects
      Then Ana is denied with not_armed

      Examples:
        | hand                                 |
        | presses Enter                        |
        | puts a card into the local reader    |
        | takes a card out of the local reader |
        | presses the power button             |

    @RM-17
    Scenario: The event is consumed
      When somebody presses Enter
      Then the console shows "Main"
      When Ana connects
      Then Ana is denied with not_armed
      And the log says "remote management enabled" 1 time

    @RM-17
    Scenario: The power button is consumed as well
      When somebody presses the power button
      Then the console shows "Main"
      And the HSM is activated

    @RM-10 @LF-07
    Scenario: A device that is not activated goes to its start PIN, and its port closes
      Given the power is cut
      And the power returns
      And the HSM has started
      When Ana connects
      Then Ana is the manager
      When somebody presses a letter
      Then the session of Ana has ended with preempted
      And the console shows "Please, enter start PIN"
      And port 4433 is closed

  Rule: Disabling is durable before anybody is told

    Background:
      Given an HSM ready for remote management

    @RM-21 @RM-10
    Scenario: The manager is told when it is durable, and has no rights from the first instant
      Given the disk takes 3 s for a write
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And somebody presses Enter
      Then nobody is the administrator
      And Bruno is the manager
      When Bruno asks the HSM to stop the service
      And 2.999 s pass
      Then the log does not say "service stopped"
      And Bruno is the manager
      When 1 ms passes
      Then the session of Bruno has ended with preempted

    @RM-21 @RM-13
    Scenario: A cut after it was told does not revive it
      When Ana connects
      And somebody presses Enter
      Then the session of Ana has ended with preempted
      When the power is cut
      And the power returns
      And the HSM has started
      Then the console shows "Please, enter start PIN"
      And port 4433 is closed

    @RM-21 @RM-13
    Scenario: A cut before it was durable leaves it as it was, and nobody was told otherwise
      Given the disk takes 3 s for a write
      When Ana connects
      And somebody presses Enter
      And 2.999 s pass
      And the power is cut
      And the power returns
      And the HSM has started
      Then the console shows "ready to process remote commands"
      When Bruno connects
      Then Bruno is the manager

    @RM-21 @RM-03
    Scenario: Esc is as durable
      Given the disk takes 3 s for a write
      When Ana connects
      And somebody presses Esc
      And 2.999 s pass
      Then Ana is the manager
      When 1 ms passes
      Then the session of Ana has ended with disarmed
      When the power is cut
      And the power returns
      And the HSM has started
      Then port 4433 is closed
