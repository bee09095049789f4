Feature: The way to the HTTP console
  The client asks the HSM where its HTTP console is, and starts the browser with that page. What the page does is not the
  client's.

  Background:
    Given an HSM that waits for its custodians

  @HT-01 @CL-01
  Scenario: The login page opens in the browser
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno presses Enter at the station
    And Bruno inserts the card
    And Bruno enters "12345678" at the station
    And Bruno presses Enter at the station
    And Bruno presses `4` at the station
    Then the browser of Bruno was not started
    When Bruno clicks on "[ Open HTTP console ]"
    Then the browser of Bruno shows "https://192.0.2.10/"

  @HT-01 @LF-07
  Scenario: While the HSM waits for its custodians there is no HTTP console to open
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana clicks on "4 Open Console HTTP"
    And Ana clicks on "[ Open HTTP console ]"
    Then the browser of Ana was not started
    And Ana is refused with wrong_state
    And Ana is the manager
