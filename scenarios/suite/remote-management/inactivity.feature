Feature: The inactivity limit of a connection
  A connection from which no complete line comes for two minutes is ended.

  Background:
    Given an HSM ready for remote management

  @RM-07 @RM-08 @RM-19
  Scenario: A session ends after two minutes, not one millisecond before
    When Ana connects
    And 119.999 s pass
    Then Ana is the manager
    When 1 ms passes
    Then the session of Ana has ended with inactivity
    And the console shows "ready to process remote commands"
    And the log says "session ended from 203.0.113.1" 1 time
    When Bruno connects
    Then Bruno is the manager

  @RM-07 @RM-19
  Scenario Outline: <what> restarts the timer
    When Ana connects
    And 119.999 s pass
    And <act>
    And 119.999 s pass
    Then Ana is the manager
    When 1 ms passes
    Then the session of Ana has ended with inactivity

    Examples:
      | what                     | act                                 |
      | A request                | Ana asks for the header             |
      | A refused operation      | Ana asks the HSM to restart         |
      | A start of a card dialog | Ana starts to authenticate          |
      | A cancelled dialog       | Ana cancels the dialog              |

  @RM-19
  Scenario: The timer restarts at the end of a line, not at its beginning
    Given a polite newcomer connects
    When 119.999 s pass
    And the newcomer types "{" without an end of line
    And 1 ms passes
    Then the newcomer hears "inactivity"

  @RM-19
  Scenario: Pieces of a line that is completed in time restart the timer once
    Given a polite newcomer connects
    When 100 s pass
    And the newcomer types "{\"jsonrpc\":\"2.0\",\"id\":1," without an end of line
    And 19.999 s pass
    And the newcomer types:
      """
      "method":"device.header"}
      """
    And 119.999 s pass
    Then the connection of the newcomer is open
    When 1 ms passes
    Then the newcomer hears "inactivity"

  @RM-19
  Scenario: Notifications and answers to nobody restart the timer as well
    Given a polite newcomer connects
    When 119.999 s pass
    And the newcomer types:
      """
      {"jsonrpc":"2.0","method":"weather.changed"}
      """
    And 119.999 s pass
    Then the connection of the newcomer is open

  @RM-07 @RM-15
  Scenario: The administrator has the same limit
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And 119.999 s pass
    Then Bruno is the administrator
    When 1 ms passes
    Then the session of Bruno has ended with inactivity
    And nobody is the administrator

  @RM-20 @AU-09
  Scenario: A PIN that is not typed in time costs no try
    When Ana connects
    And Ana inserts the card
    And Ana starts to authenticate
    And 119.999 s pass
    Then Ana is asked for the PIN
    When 1 ms passes
    Then the session of Ana has ended with inactivity
    And Ana is asked for nothing
    And the card of Ana has 0 wrong PINs counted

  @RM-20
  Scenario: A card that is not inserted in time
    When Ana connects
    And Ana starts to authenticate
    Then Ana is asked for a card
    When 120 s pass
    Then the session of Ana has ended with inactivity
    And Ana is asked for nothing

  @RM-19
  Scenario: The timer stands still while an operation waits for the disk
    Given the disk takes 200 s for a write
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno asks the HSM to restart
    And 199.999 s pass
    Then Bruno is the administrator
    When 1 ms passes
    Then the session of Bruno has ended with restart

  @RM-19 @HD-02
  Scenario: Keeping the header fresh costs no line and restarts no timer
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno asks the HSM to stop the service
    Then Bruno sees "service" in the header as "stopped"
    When 119.999 s pass
    Then Bruno is the administrator
    When 1 ms passes
    Then the session of Bruno has ended with inactivity

  @RM-07 @CL-05
  Scenario: A station that is left alone sends nothing
    When Ana connects
    And 120 s pass
    Then Ana has sent 0 lines
    And the session of Ana has ended with inactivity

  @RM-18
  Scenario: A cable that is cut is found out by the limit
    When Ana connects
    And the cable of Ana is cut
    And 119.999 s pass
    And Bruno connects
    Then Bruno is denied with busy
    When 1 ms passes
    And Bruno connects
    Then Bruno is the manager

  @RM-05
  Scenario: A manager who does not read ends slowly and keeps nobody out for ever
    When Ana connects
    And Ana reads nothing any more
    And 120 s pass
    And Bruno connects
    Then Bruno is the manager
