Feature: What is simulated and what is real agree
  These scenarios are played twice: in the simulation, with everything else, and by a test against the real programs over
  sockets. The steps are the same, and so must be what they find.

  Background:
    Given an HSM that waits for its custodians

  @HD-01
  Scenario: The greeting
    When Ana connects
    Then Ana is the manager
    And Ana sees "model" in the header as "XP"
    And Ana sees "service" in the header as "stopped"
    And Ana sees "mode" in the header as "NRM"
    And Ana is told on arrival that no process is under way

  @RM-05
  Scenario: A denial
    When Ana connects
    Then Ana is the manager
    When Bruno connects
    Then Bruno is denied with busy
    And Ana is the manager

  @AU-01 @AU-02 @AU-04 @AU-05 @AU-15
  Scenario: A whole process
    When Ana connects
    And Ana inserts the card
    And Ana starts to authenticate
    Then Ana is asked for the PIN
    When Ana types the right PIN
    Then Ana is intermediary custodian 1 of 2
    When Ana hangs up
    And Bruno connects
    Then Bruno is told on arrival that 1 of 2 cards are in
    When Bruno inserts the card
    And Bruno starts to authenticate
    Then Bruno is asked for the PIN
    When Bruno types the right PIN
    Then Bruno is the administrator
    And Bruno is told that this has activated the HSM
    And Bruno sees "service" in the header as "running"

  @AU-09
  Scenario: A wrong PIN
    When Ana connects
    And Ana inserts the card
    And Ana starts to authenticate
    Then Ana is asked for the PIN
    When Ana types the PIN "00000000"
    Then Ana is refused with pin_wrong and 6 tries left
    And the card of Ana has 1 wrong PIN counted

  @RM-18
  Scenario Outline: A session that ends because the manager <ends>
    When Ana connects
    Then Ana is the manager
    When <act>
    And Bruno connects
    Then Bruno is the manager

    Examples:
      | ends               | act                        |
      | hangs up           | Ana hangs up               |
      | closes the session | Ana closes the session     |
      | crashes            | the program of Ana crashes |

  @RM-07
  Scenario: A session that ends by inactivity
    When Ana connects
    Then Ana is the manager
    When 120 s pass
    Then the session of Ana has ended with inactivity

  @RM-10
  Scenario: A session that ends because somebody is at the console
    When Ana connects
    Then Ana is the manager
    When somebody presses Enter
    Then the session of Ana has ended with preempted

  @RM-03
  Scenario: A session that ends by Esc
    When Ana connects
    Then Ana is the manager
    When somebody presses Esc
    Then the session of Ana has ended with disarmed

  @OP-02 @OP-03
  Scenario Outline: A session that ends because the administrator asks to <operation>
    When Ana connects
    And Ana inserts the card
    And Ana starts to authenticate
    Then Ana is asked for the PIN
    When Ana types the right PIN
    Then Ana is intermediary custodian 1 of 2
    When Ana hangs up
    And Bruno connects
    And Bruno inserts the card
    And Bruno starts to authenticate
    Then Bruno is asked for the PIN
    When Bruno types the right PIN
    Then Bruno is the administrator
    When Bruno asks the HSM to <operation>
    Then the session of Bruno has ended with <reason>

    Examples:
      | operation  | reason    |
      | restart    | restart   |
      | switch off | power_off |

  @RM-19
  Scenario: A session that ends by a protocol error
    When a polite newcomer connects
    Then the newcomer is the manager
    When the newcomer types:
      """
      nonsense
      """
    Then the newcomer hears "protocol_error"
