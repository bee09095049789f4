Feature: The log of remote management
  Who connected, who was denied, which cards were used, what was done and how it ended: with address and time.

  Background:
    Given an HSM ready for remote management

  @RM-14
  Scenario: A whole session
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Carla connects
    And Bruno asks the HSM to stop the service
    And Bruno closes the session
    Then the log says "2026/01/01 00:00:22 00000002" 5 times
    And the log says "manager connected from 203.0.113.1:40001, TLS13_AES_256_GCM_SHA384" 1 time
    And the log says "session ended from 203.0.113.1:40001: connection finished" 1 time
    And the log says "manager connected from 203.0.113.2:40002" 1 time
    And the log says "manager denied from 203.0.113.3:40003: busy" 1 time
    And the log says "administrator access granted to 203.0.113.2:40002" 1 time
    And the log says "operation accepted from 203.0.113.2:40002: stop service" 1 time
    And the log says "operation done: stop service" 1 time
    And the log says "session ended from 203.0.113.2:40002: closed by the manager" 1 time

  @RM-14
  Scenario Outline: The end of a session is told with its reason: <reason>
    When Ana connects
    And <act>
    And 120 s pass
    Then the log says "session ended from 203.0.113.1:40001: <reason>" 1 time

    Examples:
      | reason              | act                        |
      | inactivity          | Ana asks for the header    |
      | preempted           | somebody presses a letter  |
      | disarmed            | somebody presses Esc       |
      | connection finished | Ana hangs up               |
      | connection reset    | the program of Ana crashes |

  @AU-14
  Scenario: A card that is accepted is logged with serial number and label
    When Ana connects and authenticates
    Then the log says "card used remotely: serial 15C000E3A8171006F00FF001, label Ana: accepted, 1 of 2" 1 time

  @AU-14
  Scenario: A card whose PIN is wrong is logged without its label
    When Bruno connects
    And Bruno inserts the card
    And Bruno starts to authenticate
    And Bruno types the PIN "00000000"
    Then the log says "card used remotely: serial 15C000E3A8171006F00FF002, label -: refused, pin_wrong" 1 time

  @AU-14
  Scenario: A card that is refused after its PIN is logged with its label
    Given Davi holds a card of a partition set
    When Davi connects and authenticates
    Then the log says "label Davi: refused, card_wrong_purpose" 1 time

  @AU-14
  Scenario: A dialog that was left is logged
    When Ana connects
    And Ana inserts the card
    And Ana starts to authenticate
    And Ana hangs up
    Then the log says "card used remotely: serial 15C000E3A8171006F00FF001, label -: abandoned" 1 time

  @AU-14
  Scenario: A dialog that powered no card is not logged
    When Ana connects
    And Ana starts to authenticate
    And Ana hangs up
    Then the log does not say "card used remotely"

  @AU-14
  Scenario: Cards at the local reader are logged as well
    Then the log says "card used locally: serial 15C000E3A8171006F00FF001, label Ana: accepted, 1 of 2" 1 time
    And the log says "card used locally: serial 15C000E3A8171006F00FF002, label Bruno: accepted, 2 of 2" 1 time

  @AU-14
  Scenario: A label cannot forge a line
    Given the label of Ana is "Ana|\n2026/01/01 00:00:00 forged"
    When Ana connects and authenticates
    Then the log says "label Ana\u{7c}\u{a}2026/01/01 00:00:00 forged: accepted, 1 of 2" 1 time

  @RM-14 @RM-06
  Scenario: A connection that never became a session is told
    When a silent newcomer connects
    And the newcomer hangs up
    Then the log says "connection turned away from 198.18.0.0:40001: left before the TLS handshake was finished" 1 time
