Feature: The log of the device
  Its lines, who may have them, and how little a flood of strangers leaves in it.

  Background:
    Given an HSM ready for remote management

  @LG-01
  Scenario: The counter begins at every start and orders lines when the calendar goes back
    Then the log says "2026/01/01 00:00:20 00000000 000000 00000000|device started after power was off" 1 time
    When the calendar of the HSM is set back by 1 day
    And the power is cut
    And the power returns
    And the HSM has started
    Then the log says "2025/12/31 00:00:4" 2 times
    And the log says " 000000 00000000|device started after power was off" 2 times

  @LG-02
  Scenario: It is kept over a restart, retrieved, followed by three at most, and cleared with permission
    When the power is cut
    And the power returns
    And the HSM has started
    And somebody presses Esc
    And somebody types the PIN of Ana with the card in the local reader
    And somebody types the PIN of Bruno with the card in the local reader
    And Ana logs in as "master" with the password "12345678"
    And Ana creates the user "reader" with the password "read all of it" and the permissions 32
    And Ana creates the user "nobody" with the password "reads nothing" and the permissions 0
    And Bruno logs in as "nobody" with the password "reads nothing"
    And Bruno retrieves the log
    Then Bruno, a user, is told "not_permitted"
    When Bruno clears the log
    Then Bruno, a user, is told "not_permitted"
    When Carla logs in as "reader" with the password "read all of it"
    And Carla retrieves the log
    Then Carla, a user, has read the line "remote management enabled"
    When Carla follows the log
    And Davi logs in as "reader" with the password "read all of it"
    And Davi follows the log
    And Eva logs in as "reader" with the password "read all of it"
    And Eva follows the log
    Then Eva, a user, is told "done"
    When Ana follows the log
    Then Ana, a user, is told "limit_reached"
    And Carla, a user, has read the line "user reader logged in"
    When Carla clears the log
    Then the log says "log cleared by reader" 1 time
    And the log does not say "device started"

  @LG-03
  Scenario: A name that is no name is one escaped line
    When Ana logs in as "a|b" with the password "12345678"
    Then Ana, a user, is told "login_failed"
    And the log says "login of a\u{7c}b refused" 1 time

  @LG-04
  Scenario: Repeated denials are counted together
    When Ana connects
    And Bruno connects
    And Bruno connects
    And Bruno connects
    Then the log says "manager denied from 203.0.113.2" 1 time
    When 60 s pass
    Then the log says "manager denied, busy: 2 more from 203.0.113.2" 1 time
    When Bruno connects
    Then the log says "manager denied from 203.0.113.2" 2 times
