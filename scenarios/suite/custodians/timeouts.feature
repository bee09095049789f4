Feature: Custodian timeouts
  Between two custodians at most two minutes may pass. Then the process starts again, and everybody is told.
  That limit and the inactivity limit of a connection have the same length and are two limits all the same.

  Background:
    Given an HSM ready for remote management

  @AU-06 @AU-01 @AU-05
  Scenario: The second card counts one millisecond before the interval ends
    When Ana connects, authenticates and hangs up
    And 119.999 s pass
    And Bruno connects and authenticates
    Then Bruno is the administrator

  @AU-06 @AU-13
  Scenario: At two minutes all start again
    When Ana connects, authenticates and hangs up
    And 120 s pass
    And Bruno connects and authenticates
    Then Bruno is intermediary custodian 1 of 2
    And nobody is the administrator
    And the log says "custodian process reset: interval" 1 time

  @sim-only @AU-06
  Scenario: The interval is measured to the microsecond
    Simulation only: the clock of the bench moves by whole milliseconds

    When Ana connects, authenticates and hangs up
    And 119.999999 s pass
    And Bruno connects
    Then Bruno is told on arrival that 1 of 2 cards are in
    When 0.001 ms passes
    Then Bruno is told that the process was reset by interval

  @AU-06
  Scenario: Each accepted card begins a new interval
    Given Davi connects
    Then Davi is told on arrival that no process is under way
    When Davi hangs up
    And Ana connects, authenticates and hangs up
    And 100 s pass
    And Davi connects
    Then Davi is told on arrival that 1 of 2 cards are in
    And Davi is told that 20 s are left

  @AU-06
  Scenario: A process that was reset can be begun again with the same card
    When Ana connects, authenticates and hangs up
    And 120 s pass
    And Ana connects, authenticates and hangs up
    And 119.999 s pass
    And Carla connects and authenticates
    Then Carla is the administrator

  @AU-06 @AU-09
  Scenario Outline: <what> does not restart the interval
    Given Davi holds a copy of the card of Ana
    When Ana connects, authenticates and hangs up
    And 60 s pass
    And Davi connects
    And <act>
    And 59.999 s pass
    And Bruno hangs up
    And Davi hangs up
    And Carla connects
    Then Carla is told on arrival that 1 of 2 cards are in
    When 1 ms passes
    Then Carla is told that the process was reset by interval

    Examples:
      | what                    | act                                           |
      | A reconnection          | Davi connects                                 |
      | A repeated card         | Davi authenticates                            |
      | A denial                | Bruno connects                                |
      | A start without a card  | Davi starts to authenticate                   |
      | A request               | Davi asks for the header                      |

  @AU-06 @AU-09
  Scenario: A wrong PIN does not restart the interval
    When Ana connects, authenticates and hangs up
    And 60 s pass
    And Bruno connects
    And Bruno inserts the card
    And Bruno starts to authenticate
    And Bruno types the PIN "00000000"
    Then Bruno is refused with pin_wrong and 6 tries left
    When 59.999 s pass
    And Bruno asks for the header
    Then Bruno is told of no reset of the process
    When 1 ms passes
    Then Bruno is told that the process was reset by interval

  @AU-06
  Scenario: Cancelling a dialog does not restart the interval
    When Ana connects, authenticates and hangs up
    And 60 s pass
    And Bruno connects
    And Bruno inserts the card
    And Bruno starts to authenticate
    And Bruno cancels the dialog
    Then Bruno is asked for nothing
    When 59.999 s pass
    And Bruno asks for the header
    Then Bruno is told of no reset of the process
    When 1 ms passes
    Then Bruno is told that the process was reset by interval

  @AU-07
  Scenario: The inactivity limit strikes alone
    When Ana connects and authenticates
    And 60 s pass
    And Bruno connects
    Then Bruno is denied with busy
    When 60 s pass
    Then the session of Ana has ended with inactivity
    And the log says "session ended" 1 time
    And the log says "custodian process reset: interval" 1 time

  @AU-07
  Scenario: The interval strikes alone, and whoever is connected is told
    When Ana connects and authenticates
    And 100 s pass
    And Ana asks for the header
    And 20 s pass
    Then Ana is told that the process was reset by interval
    And Ana is the manager
    And the log says "custodian process reset: interval" 1 time
    And the log does not say "inactivity"

  @AU-07
  Scenario: The interval strikes alone while nobody is connected
    When Ana connects, authenticates and hangs up
    And 120 s pass
    Then the log says "custodian process reset: interval" 1 time
    And the log does not say "inactivity"

  @AU-07 @RM-20
  Scenario: When both end at one instant, the interval is first
    When Ana connects and authenticates
    And 120 s pass
    Then Ana is told that the process was reset by interval
    And the session of Ana has ended with inactivity

  @AU-17
  Scenario: The interval ends while the second custodian types the PIN
    When Ana connects, authenticates and hangs up
    And 119 s pass
    And Bruno connects
    And Bruno inserts the card
    And Bruno starts to authenticate
    Then Bruno is asked for the PIN
    When 1 s passes
    Then Bruno is told that the process was reset by interval
    And Bruno is asked for the PIN
    When Bruno types the right PIN
    Then Bruno is intermediary custodian 1 of 2
    When Bruno hangs up
    And 119.999 s pass
    And Ana connects and authenticates
    Then Ana is the administrator

  @AU-06 @AU-17
  Scenario: The card counts whose last byte comes one millisecond before the end
    Given every message takes 10 ms on its way
    When Ana connects and authenticates
    And 1 s passes
    And Ana asks for the header
    And 118 s pass
    Then Ana is told of no reset of the process

  @RM-24 @AU-06 @RM-07
  Scenario Outline: Setting the calendar <direction> moves no limit
    When Ana connects and authenticates
    And the calendar of the HSM is set <direction> by 400 days
    And 119.999 s pass
    Then Ana is the manager
    And Ana is told of no reset of the process
    When 1 ms passes
    Then the session of Ana has ended with inactivity
    And Ana is told that the process was reset by interval

    Examples:
      | direction |
      | back      |
      | forward   |
