Feature: Who has administrative access, and for how long
  Only the custodian who completes M of N has it, on the connection on which that happened, while it lasts.

  Background:
    Given an HSM ready for remote management

  @AU-04 @AU-13
  Scenario Outline: An intermediary custodian may not <operation>
    When Ana connects and authenticates
    And Ana asks the HSM to <operation>
    Then Ana is refused with not_authenticated
    And the log says "operation refused to 203.0.113.1" 1 time

    Examples:
      | operation         |
      | stop the service  |
      | start the service |
      | restart           |
      | switch off        |

  @AU-12
  Scenario: Going back to the start screen ends the access
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno closes the session
    Then the session of Bruno is closed
    And nobody is the administrator

  @AU-13 @AU-18
  Scenario: Completion begins a new process
    When Ana connects, authenticates and hangs up
    And Bruno connects, authenticates and hangs up
    And Carla connects
    Then Carla is told on arrival that no process is under way
    When Carla authenticates
    Then Carla is intermediary custodian 1 of 2

  @AU-19
  Scenario: The administrator cannot authenticate again
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno starts to authenticate
    Then Bruno is refused with wrong_state
    And Bruno is asked for nothing
    And Bruno is the administrator

  @AU-19
  Scenario: A second start during a dialog changes nothing
    When Ana connects
    And Ana inserts the card
    And Ana starts to authenticate
    And Ana starts to authenticate
    Then Ana is refused with wrong_state
    And Ana is asked for the PIN
    When Ana types the right PIN
    Then Ana is intermediary custodian 1 of 2
    And Ana was asked for the PIN 1 time

  @AU-19
  Scenario: No card is asked for while an operation waits for the disk
    Given the disk takes 5 s for a write
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno asks the HSM to restart
    And Bruno starts to authenticate
    Then Bruno is refused with wrong_state
    And Bruno is asked for nothing

  @AU-20
  Scenario: The answer to the last custodian is lost
    When Ana connects, authenticates and hangs up
    And the program of Bruno will crash in the instant the card is accepted
    And Bruno connects and authenticates
    Then nobody is the administrator
    And the log says "card used remotely: serial 15C000E3A8171006F00FF002, label Bruno: accepted, 2 of 2" 1 time
    And the log says "administrator access granted" 1 time
    And the log says "connection reset" 1 time
    When Carla connects
    Then Carla is told on arrival that no process is under way

  @AU-20 @AU-15
  Scenario: The answer to the custodian who activates is lost, and the activation stays
    Given the power is cut
    And the power returns
    And the HSM has started
    When Ana connects, authenticates and hangs up
    And the program of Bruno will crash in the instant the card is accepted
    And Bruno connects and authenticates
    Then the HSM is activated
    And nobody is the administrator
    And the log says "device activated remotely" 1 time

  @AU-20
  Scenario: The answer to an intermediary custodian is lost, and the card has counted
    When the program of Ana will crash in the instant the card is accepted
    And Ana connects and authenticates
    And Bruno connects
    Then Bruno is told on arrival that 1 of 2 cards are in
    When Bruno authenticates
    Then Bruno is the administrator

  @AU-18
  Scenario Outline: The process is wiped by <what>
    When Ana connects, authenticates and hangs up
    And <act>
    And the power returns
    And the HSM has started
    And Bruno connects
    Then Bruno is told on arrival that no process is under way

    Examples:
      | what           | act              |
      | a cut of power | the power is cut |

  @AU-18
  Scenario: The process is wiped by local activity
    When Ana connects, authenticates and hangs up
    And somebody presses Enter
    And somebody chooses "Remote Management" in the menu
    And Bruno connects
    Then Bruno is told on arrival that no process is under way
    And the log says "custodian process reset: preempted" 1 time

  @AU-18 @AU-02
  Scenario Outline: The process is untouched when <what>
    When Ana connects, authenticates and hangs up
    And Bruno connects
    And <act>
    And Bruno hangs up
    And Carla connects
    Then Carla is told on arrival that 1 of 2 cards are in
    And the log does not say "custodian process reset"

    Examples:
      | what                          | act                                                    |
      | a connection is closed        | Bruno closes the session                               |
      | a connection is reset         | the program of Bruno crashes                           |
      | somebody is denied            | Davi connects                                          |
      | a dialog is cancelled         | Bruno cancels the dialog                               |
      | the calendar is set           | the calendar of the HSM is set forward by 1 day        |

  @AU-18
  Scenario: The process is untouched by a protocol error
    When Ana connects, authenticates and hangs up
    And a polite newcomer connects
    And the newcomer types:
      """
      nonsense
      """
    Then the newcomer hears "protocol_error"
    When Carla connects
    Then Carla is told on arrival that 1 of 2 cards are in

  @AU-15 @LF-07
  Scenario: Custodians activate an HSM that waits for them
    Given the power is cut
    And the power returns
    And the HSM has started
    Then the HSM is not activated
    When Ana connects, authenticates and hangs up
    Then the HSM is not activated
    When Bruno connects and authenticates
    Then Bruno is the administrator
    And Bruno is told that this has activated the HSM
    And the HSM is activated
    And the console shows "Service running..."

  @OP-02 @OP-03 @RM-14
  Scenario Outline: An accepted <operation> completes although its connection is lost
    Given the disk takes 1 s for a write
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno asks the HSM to <operation>
    And the program of Bruno crashes
    And 10 s pass
    Then the log says "operation done: <logged>" 1 time

    Examples:
      | operation  | logged    |
      | restart    | restart   |
      | switch off | power off |

  @AU-13 @RM-15
  Scenario: The power is cut at every message of a process
    When somebody cuts the power at every message of a process with the cards of Ana and Bruno
    Then there were at least 40 positions
    And at every position nobody is the administrator
    And at every position no card has lost a try

  @AU-23 @AU-10
  Scenario: A set made anew makes old shadows worthless
    Given Davi holds card 1 of a new set of the same key
    When Davi connects, authenticates and hangs up
    And Bruno connects and authenticates
    Then Bruno is refused with card_wrong_set
