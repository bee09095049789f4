Feature: Copies
  Copy Set makes a new set of the same secret; Copy Card makes a second card that counts once with the first.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    And Davi holds a formatted card
    And Eva holds a formatted card
    And Fabio holds a formatted card
    When somebody opens the Smart Card Manager

  Rule: Copy Set

    @SC-08
    Scenario: 2-of-3 becomes 3-of-3, with a name of its own, and both activate
      When somebody chooses "Copy Set" in the menu
      Then the console shows "Insert a card of the set to be copied and press Enter."
      When somebody gives the card of Carla and its PIN
      Then the console shows "Insert card 2 of 2 of the set to be copied and press Enter."
      When somebody gives the card of Ana and its PIN
      Then the console shows "M of N scheme"
      When somebody enters "3"
      And somebody enters "3"
      And somebody gives the card of Davi, its PIN and the label "one"
      And somebody gives the card of Eva, its PIN and the label "two"
      And somebody gives the card of Fabio, its PIN and the label "three"
      Then the console shows "The set is complete: 3 cards, of which 3 are needed."
      And the card of Fabio is card 3 of a 3-of-3 set for activation
      And the cards of Ana and Davi are of different sets
      And the card of Ana holds what it was given at the beginning
      And the card of Carla holds what it was given at the beginning
      And the log says "accepted, 2 of 2" 1 time
      When somebody presses Enter
      And somebody presses Esc
      And somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Davi with the card in the local reader
      Then the log says "refused, card_wrong_set" 1 time
      When somebody presses Enter
      And somebody types the PIN of Bruno with the card in the local reader
      Then the HSM is activated
      When the power is cut
      And the power returns
      And the HSM has started
      And somebody types the PIN of Davi with the card in the local reader
      And somebody types the PIN of Fabio with the card in the local reader
      And somebody types the PIN of Eva with the card in the local reader
      Then the HSM is activated

    @SC-08 @SC-06
    Scenario: A partition set stays one
      When somebody chooses "Create Partition Auth Set" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "one"
      And somebody gives the card of Eva, its PIN and the label "two"
      And somebody presses Enter
      And somebody chooses "Copy Set" in the menu
      And somebody gives the card of Davi and its PIN
      And somebody gives the card of Eva and its PIN
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Fabio, its PIN and the label "three"
      Then the card of Fabio is card 1 of a 2-of-2 set for partition authorization

    @SC-08
    Scenario: No card of the copied set becomes one of the new
      When somebody chooses "Copy Set" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody gives the card of Bruno and its PIN
      And somebody enters "2"
      And somebody enters "2"
      And somebody puts in the card of Carla and presses Enter
      And somebody answers Yes
      And somebody enters "12345678"
      And somebody enters "new"
      Then the console shows "This card belongs to the set that is copied."
      And the card of Carla holds what it was given at the beginning

    @SC-08
    Scenario: Cards that do not help are told apart while the set is collected
      Given Gil holds a card of a set of another key
      And Hugo holds a copy of the card of Ana
      When somebody chooses "Copy Set" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody gives the card of Gil and its PIN
      Then the console shows "The card belongs to another set."
      When somebody gives the card of Hugo and its PIN
      Then the console shows "This card, or a copy of it, has counted already."
      When somebody puts in the card of Davi and presses Enter
      Then the console shows "The card holds no shadow."
      When somebody gives the card of Bruno and its PIN
      Then the console shows "M of N scheme"

  Rule: Copy Card

    @SC-09 @AU-14
    Scenario: Shadow and label are the source's, all else the target's
      When somebody chooses "Copy Card" in the menu
      And somebody gives the card of Ana and its PIN
      Then the console shows "Insert the card to be written and press Enter."
      When somebody puts in the card of Davi and presses Enter
      Then the console shows "was copied."
      And the cards of Ana and Davi hold the same shadow
      And the card of Davi is labelled "Ana"
      And the card of Davi has 0 wrong PINs counted
      And the log says "label Ana: read for a copy" 1 time
      And the log says "label Ana: written, card 1 of set" 1 time
      When somebody presses Enter
      And somebody presses Esc
      And somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Davi with the card in the local reader
      Then the log says "refused, card_already_presented" 1 time

    @SC-09
    Scenario: Another PIN on the target costs one try and writes nothing
      Given Davi holds a formatted card with the PIN "86420753"
      When somebody chooses "Copy Card" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody puts in the card of Davi and presses Enter
      Then the console shows "The PIN is wrong; 6 tries are left."
      And the card of Davi has 1 wrong PIN counted
      And the card of Davi holds neither label nor shadow

    @SC-09
    Scenario: Another entry for the same physical PIN serves both cards
      When somebody chooses "Copy Card" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "qrstuvwx"
      And somebody puts in the card of Davi and presses Enter
      Then the console shows "was copied."

    @SC-09
    Scenario: The card itself is refused
      When somebody chooses "Copy Card" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "This is the card that is copied."
      And the card of Ana holds what it was given at the beginning
      And the log says "refused, source_itself" 1 time

    @SC-09
    Scenario: The target is overwritten only when somebody says so
      When somebody chooses "Copy Card" in the menu
      And somebody gives the card of Ana and its PIN
      And somebody puts in the card of Bruno and presses Enter
      Then the console shows "holds a key already."
      When somebody presses Enter
      Then the console shows "The card was not overwritten."
      And the card of Bruno holds what it was given at the beginning
