Feature: Interrupted
  Whatever is interrupted, each card is what it was, or finished, or called invalid by name on the screen and in the log.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    And Davi holds a formatted card
    And Eva holds a formatted card
    When somebody opens the Smart Card Manager

  Rule: A set

    @SC-03 @SC-10
    Scenario: Esc after the first card
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody presses Esc
      Then the screen and the log name the set of Davi as invalid
      And the screen and the log name the card of Davi as invalid
      When somebody presses Enter
      Then the console shows "Copy Card"

    @SC-03 @SC-10
    Scenario: Esc before anything is written leaves nothing to be called invalid
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody puts in the card of Davi and presses Enter
      And somebody presses Esc
      Then the console shows "Copy Card"
      And the log does not call anything invalid
      And the card of Davi holds neither label nor shadow

    @SC-03 @SC-10
    Scenario: The power is cut after the first card
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And the power is cut
      And the power returns
      And the HSM has started
      Then the screen and the log name the set of Davi as invalid
      And the screen and the log name the card of Davi as invalid
      When the power is cut
      And the power returns
      And the HSM has started
      Then the screen and the log name the set of Davi as invalid
      When somebody presses Enter
      Then the console shows "This is a fresh/first time HSM boot."
      When the power is cut
      And the power returns
      And the HSM has started
      Then the console shows "This is a fresh/first time HSM boot."

    @SC-03 @SC-10
    Scenario: The power button after the first card
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody presses the power button
      Then the log says "set of cards INVALID" 1 time

    @SC-10
    Scenario: A card is torn out while it is written
      Given the card of Eva loses contact after 6 writes
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody gives the card of Eva, its PIN and the label "second"
      Then the screen and the log name the set of Davi as invalid
      And the screen and the log name the card of Davi as invalid
      And the screen and the log name the card of Eva as invalid

    @SC-08 @SC-10
    Scenario: A copy that was interrupted leaves the old set as it was
      When somebody chooses "Copy Set" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody gives the card of Bruno and its PIN
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody presses Esc
      Then the screen and the log name the set of Davi as invalid
      And the card of Ana holds what it was given at the beginning
      And the card of Bruno holds what it was given at the beginning
      When somebody presses Enter
      And somebody presses Esc
      And somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      Then the HSM is activated

  Rule: One card

    @SC-05 @SC-10
    Scenario: An erasure that was torn off
      Given the card of Ana loses contact after 3 writes
      When somebody chooses "Erase" in the menu
      And somebody gives the card of Ana and its PIN
      Then the screen and the log name the card of Ana as invalid

    @SC-09 @SC-10
    Scenario: A copy of a card that was torn off
      Given the card of Davi loses contact after 4 writes
      When somebody chooses "Copy Card" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody puts in the card of Davi and presses Enter
      Then the screen and the log name the card of Davi as invalid

    @SC-10
    Scenario: A card taken out while somebody thinks
      When somebody chooses "Erase" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody takes the card out
      Then the console shows "The card was taken out."
      And the card of Ana holds what it was given at the beginning
      And the log does not call anything invalid

    @SC-10
    Scenario: A card that does not answer
      Given the card of Ana does not answer
      When somebody chooses "Inspect" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "The card does not answer."
