Feature: Erase
  Takes key, shadow and label from a card, after its PIN.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    When somebody opens the Smart Card Manager

  Rule: After the PIN

    @SC-05 @AU-14
    Scenario: Everything goes, and the tries are forgotten
      Given the card of Ana has met 2 wrong PINs elsewhere
      When somebody chooses "Erase" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "will be gone"
      When somebody enters "12345678"
      Then the console shows "The card was erased."
      And the card of Ana holds neither label nor shadow
      And the card of Ana has 0 wrong PINs counted
      And the log says "erased" 1 time
      And the log does not call anything invalid

    @SC-05
    Scenario: A wrong PIN erases nothing
      When somebody chooses "Erase" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "00000000"
      Then the console shows "The PIN is wrong; 6 tries are left."
      And the card of Ana holds what it was given at the beginning

    @SC-05
    Scenario: A blocked card is not revived
      Given the card of Ana has met 7 wrong PINs elsewhere
      When somebody chooses "Erase" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "This card is blocked for ever."
      And the card of Ana is blocked
      And the card of Ana holds what it was given at the beginning

  Rule: The seal

    @SC-05
    Scenario: PIN and seal stay on a sealed card
      When somebody chooses "Change PIN" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "12345678"
      And somebody enters "86420753"
      And somebody enters "86420753"
      And somebody presses Enter
      And somebody chooses "Erase" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "86420753"
      Then the console shows "The card was erased."
      When somebody presses Enter
      And somebody chooses "Inspect" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "PIN Locked : yes"

    @SC-05
    Scenario: A card that is made so has its first PIN and one change again
      Given Davi holds a card whose erasure breaks the seal
      When somebody chooses "Change PIN" in the menu
      And somebody puts in the card of Davi and presses Enter
      And somebody enters "12345678"
      And somebody enters "86420753"
      And somebody enters "86420753"
      And somebody presses Enter
      And somebody chooses "Erase" in the menu
      And somebody puts in the card of Davi and presses Enter
      And somebody enters "86420753"
      Then the console shows "The card was erased."
      When somebody presses Enter
      And somebody chooses "Inspect" in the menu
      And somebody puts in the card of Davi and presses Enter
      Then the console shows "PIN Locked : no (one more PIN change allowed)"
