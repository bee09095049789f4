Feature: Change PIN
  Once in the life of a card; then it is sealed.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    When somebody opens the Smart Card Manager
    And somebody chooses "Change PIN" in the menu

  Rule: Once, and never again

    @SC-02
    Scenario: The new PIN counts from then on, and Inspect says that it is locked
      When somebody puts in the card of Ana and presses Enter
      And somebody enters "12345678"
      And somebody enters "86420753"
      And somebody enters "86420753"
      Then the console shows "The PIN was changed and is sealed now."
      And the log says "PIN changed" 1 time
      When somebody presses Enter
      And somebody chooses "Inspect" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "PIN Locked : yes"
      And the console shows "LOCK1 byte : 03"
      When somebody presses Enter
      And somebody chooses "Get Label" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "86420753"
      Then the console shows "Label: Ana"
      When somebody presses Enter
      And somebody chooses "Change PIN" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "The PIN of this card was changed before and is sealed."
      And the card of Ana has 0 wrong PINs counted
      And the log says "refused, pin_sealed" 1 time

    @SC-02
    Scenario: A wrong old PIN costs one try and changes nothing
      When somebody puts in the card of Ana and presses Enter
      And somebody enters "00000000"
      And somebody enters "86420753"
      And somebody enters "86420753"
      Then the console shows "The PIN is wrong; 6 tries are left."
      And the card of Ana has 1 wrong PIN counted
      When somebody presses Enter
      And somebody chooses "Get Label" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "12345678"
      Then the console shows "Label: Ana"

  Rule: What is typed

    @PN-02
    Scenario Outline: A new PIN is eight digits: <typed> is not
      When somebody puts in the card of Ana and presses Enter
      And somebody enters "12345678"
      And somebody enters "<typed>"
      And somebody enters "<typed>"
      Then the console shows "A new PIN has 8 digits."
      And the card of Ana has 0 wrong PINs counted

      Examples:
        | typed     |
        | 8642075   |
        | 864207531 |
        | 8642075a  |

    @PN-03
    Scenario Outline: An old PIN that is none does not reach the card: <typed>
      When somebody puts in the card of Ana and presses Enter
      And somebody enters "<typed>"
      And somebody enters "86420753"
      And somebody enters "86420753"
      Then the console shows "A PIN has 8 characters, digits or letters."
      And the card of Ana has 0 wrong PINs counted

      Examples:
        | typed     |
        | 1234567   |
        | 123456789 |
        | 1234567_  |

    @SC-02
    Scenario: The new PIN is typed twice
      When somebody puts in the card of Ana and presses Enter
      And somebody enters "12345678"
      And somebody enters "86420753"
      And somebody enters "86420754"
      Then the console shows "The new PIN was typed in two ways."
      And the card of Ana has 0 wrong PINs counted

    @PN-01
    Scenario: Letters can be the old PIN
      When somebody puts in the card of Ana and presses Enter
      And somebody enters "ABCDEFGH"
      And somebody enters "86420753"
      And somebody enters "86420753"
      Then the console shows "The PIN was changed and is sealed now."

  Rule: Cards that have no PIN to change

    @SC-02
    Scenario: A blocked card and one from the factory
      Given the card of Ana has met 7 wrong PINs elsewhere
      And Bruno holds a card from the factory
      When somebody puts in the card of Ana and presses Enter
      Then the console shows "This card is blocked for ever."
      When somebody presses Enter
      And somebody chooses "Change PIN" in the menu
      And somebody puts in the card of Bruno and presses Enter
      Then the console shows "This card was never formatted."
