Feature: Custodians at their stations
  The dialog of a card on the screen of the client: what a custodian is told, and when the station leaves by itself.

  Background:
    Given an HSM that waits for its custodians

  @CL-04 @AU-02 @AU-03 @AU-04
  Scenario: An intermediary leaves by itself
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses Enter at the station
    Then the station of Ana shows "Insert the card of a custodian"
    When Ana inserts the card
    Then the station of Ana shows "Type the PIN of the card"
    When Ana types "12345678" at the station
    Then the station of Ana does not show "12345678"
    When Ana presses Enter at the station
    Then the session of Ana is closed
    And nobody is the administrator
    And the station of Ana shows "Card 1 of 2 is accepted."
    And the station of Ana shows "You have no administrative access; the last custodian gets it."
    And the PIN has not crossed the network
    When Bruno connects
    Then Bruno is told on arrival that 1 of 2 cards are in

  @sim-only @CL-04
  Scenario: The time of the next custodian is counted down after that
    Simulation only: the console of a station counts on the clock of its own computer, which no hand moves

    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    And Ana enters "12345678" at the station
    Then the station of Ana shows "120 s left for the next custodian"
    When 100 s pass
    Then the station of Ana shows "20 s left for the next custodian"

  @CL-04 @AU-16 @AU-05 @AU-15
  Scenario: The next card is at this station
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses `n` at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    And Ana enters "12345678" at the station
    Then Ana is the manager
    And the station of Ana shows "Card 1 of 2 is accepted."
    And the station of Ana shows "Take this card out. The next card is inserted at this station."
    When Ana takes the card out
    And Ana clicks on "[ Next card ]"
    Then the station of Ana shows "Insert the card of a custodian"
    When Ana inserts the card of Bruno
    And Ana enters "12345678" at the station
    Then Ana is the administrator
    And the station of Ana shows "2 of 2 cards are accepted."
    And the station of Ana shows "You have administrative access to the HSM, until you leave."
    And the station of Ana shows "The device is activated."

  @sim-only @AU-06 @CL-04
  Scenario: The interval ends while nobody is connected
    Simulation only: the console of a station counts on the clock of its own computer, which no hand moves

    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    And Ana enters "12345678" at the station
    And 119.999 s pass
    Then the station of Ana does not show "all start again"
    When 1 ms passes
    Then the station of Ana shows "The time for the next custodian is over: all start again."
    When Ana presses Enter at the station
    Then Ana is told on arrival that no process is under way

  @AU-09 @CL-01
  Scenario: A wrong PIN costs one try, and nothing is presented again by itself
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    And Ana enters "00000000" at the station
    Then Ana is refused with pin_wrong and 6 tries left
    And the station of Ana shows "6 tries are left."
    And Ana was asked for the PIN 1 time
    And Ana is the manager

  @AU-09 @PN-03
  Scenario: What cannot be a PIN never reaches the card, and giving up costs nothing
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    And Ana enters "1234" at the station
    Then the station of Ana shows "expected 8 characters, got 4"
    And Ana was asked for the PIN 2 times
    When Ana presses Esc at the station
    Then Ana is refused with pin_cancelled
    When Ana presses Enter at the station
    And Ana presses Enter at the station
    And Ana enters "12345678" at the station
    Then the station of Ana shows "Card 1 of 2 is accepted."

  @AU-08 @CL-01
  Scenario: The same card again
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    Then the station of Bruno shows "1 of 2 cards are accepted"
    When Bruno presses Enter at the station
    And Bruno inserts the card of Ana
    And Bruno enters "12345678" at the station
    Then Bruno is refused with card_already_presented

  @RM-07 @RM-20 @AU-03
  Scenario: The prompt is withdrawn when the session ends, and the card has lost no try
    When Ana starts the console
    And Ana presses Enter at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    Then Ana is asked for the PIN
    When 2 minutes pass
    Then the session of Ana has ended with inactivity
    And Ana is asked for nothing
    And the station of Ana does not show "Type the PIN"

  @CL-02
  Scenario: Without a reader everything but cards works
    Given the reader of Ana is unplugged
    When Ana starts the console
    And Ana presses Enter at the station
    Then the top right of the station of Ana shows "Model    XP"
    When Ana presses `2` at the station
    Then the station of Ana shows "Gateway             192.0.2.1"
    When Ana presses `3` at the station
    Then the station of Ana shows "Replication domain"
    When Ana presses `1` at the station
    And Ana presses Enter at the station
    And Ana inserts the card
    Then Ana is refused with reader_unavailable
    And the station of Ana shows "reader"
    And Ana is the manager

  @OP-01 @OP-08 @CL-01
  Scenario: The service is stopped and started, after a question
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno presses Enter at the station
    And Bruno inserts the card
    And Bruno enters "12345678" at the station
    And Bruno presses Enter at the station
    Then the station of Bruno shows "[ Stop service ]"
    When Bruno presses Enter at the station
    Then the station of Bruno shows "are you sure?"
    When Bruno presses Esc at the station
    Then the top right of the station of Bruno shows "Service  running"
    When Bruno clicks on "[ Stop service ]"
    And Bruno presses `y` at the station
    Then the station of Bruno shows "The service is stopped."
    And the top right of the station of Bruno shows "Service  stopped"
    When Bruno clicks on "[ Start service ]"
    Then the top right of the station of Bruno shows "Service  running"

  @OP-09
  Scenario: Factory mode is confirmed with the serial number, and the HSM judges it
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno presses Enter at the station
    And Bruno inserts the card
    And Bruno enters "12345678" at the station
    And Bruno presses Enter at the station
    And Bruno clicks on "[ Return to factory mode ]"
    And Bruno enters "TXP0000009" at the station
    Then Bruno is refused with confirmation_mismatch
    And Bruno is the administrator
    And the HSM is activated

  @RM-11 @OP-02
  Scenario: A restart ends the session, and a new manager is let in
    When Ana connects, authenticates and hangs up
    And Bruno starts the console
    And Bruno presses Enter at the station
    And Bruno presses Enter at the station
    And Bruno inserts the card
    And Bruno enters "12345678" at the station
    And Bruno presses Enter at the station
    And Bruno clicks on "[ Restart ]"
    And Bruno presses `y` at the station
    Then the session of Bruno has ended with restart
    And the station of Bruno shows "`restart`"
    When 10 minutes pass
    And Bruno presses Enter at the station
    Then Bruno is the manager
    And the top right of the station of Bruno shows "Service  stopped"
