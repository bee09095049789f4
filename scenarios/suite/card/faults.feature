Feature: Cards with faults
  What a program sees of a card that is worn, full, slow or broken, and what such a card still keeps.

  Background:
    Given a card of Ana in a reader

  @CD-04
  Scenario: A counter that takes no write lets no PIN be compared
    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "worn_cell"
      cell = "try_counter"
      """
    Then the card answers "6581" to "00 20 00 00 08 3132333435363738"
    And the card answers "6581" to "00 20 00 00 08 3030303030303030"
    And changing the PIN from "12345678" to "87654321" gives 6581
    And the card says that 7 tries are left
    And label and shadow cannot be read

  @CD-06
  Scenario: A seal that takes no write leaves the old PIN
    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "worn_cell"
      cell = "lock1"
      """
    When changing the PIN from "12345678" to "87654321" gives 6581
    Then Inspect says that the PIN can be changed once more
    And the PIN "12345678" is right

  Scenario: A full memory keeps what it has
    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "memory_full"
      """
    When the PIN "12345678" is right
    And the card answers "9000" to "00 A4 01 0C 02 0100"
    Then writing a label of 1 bytes gives 6A84
    And the label is "Ana"

  @sim-only
  Scenario: A mute card, and a slow one
    Simulation only: a slow card takes its time on the clock of its own computer, and a mute one all that a reader waits

    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "slow"
      at = 1
      delay_millis = 3000
      [[fault]]
      kind = "mute"
      at = 2
      """
    Then the card answers "63C7" to "00 20 00 00"
    And the last answer took 3 s
    And the card does not answer "00 20 00 00"
    And the card does not answer "00 20 00 00 08 3030303030303030"
    And its image holds 0 wrong PINs and a seal of "02"

  @CD-04
  Scenario: An answer that says something else is counted all the same
    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "wrong_status"
      at = 1
      status = "6F00"
      """
    Then the card answers "6F00" to "00 20 00 00 08 3030303030303030"
    And its image holds 1 wrong PIN and a seal of "02"
    And the card says that 6 tries are left

  @sim-only @CD-04
  Scenario: An answer that does not arrive is counted all the same
    Simulation only: a reader hands on no answer that is shorter than a status word

    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "short_answer"
      at = 1
      bytes = 1
      """
    Then the card answers "63" to "00 20 00 00 08 3030303030303030"
    And its image holds 1 wrong PIN and a seal of "02"

  @sim-only
  Scenario: An answer to reset may be anything
    Simulation only: a reader takes no card whose answer to reset is none

    Given the card has these faults
      """
      version = 1
      [[fault]]
      kind = "atr"
      bytes = "FFFF"
      """
    Then the answer to a cold and to a warm reset is "FF FF"
