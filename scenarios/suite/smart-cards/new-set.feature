Feature: New sets
  Create Server Master Key and Create Partition Auth Set: N, then M, then each card with its PIN and a label.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    And Davi holds a formatted card
    And Eva holds a formatted card
    When somebody opens the Smart Card Manager

  Rule: Create Server Master Key

    @SC-03 @SC-04 @LF-02
    Scenario: A 2-of-2 set is made, and activates the HSM only when it is shown
      When somebody chooses "Create Server Master Key" in the menu
      Then the console shows "M of N scheme"
      When somebody enters "2"
      Then the console shows "M of N scheme"
      And the console shows "Cards needed, from 2 to 2:"
      When somebody enters "2"
      Then the console shows "Insert card 1 of 2 of the new set and press Enter."
      When somebody gives the card of Davi, its PIN and the label "first"
      Then the console shows "Card 1 was written."
      When somebody gives the card of Eva, its PIN and the label "second"
      Then the console shows "The set is complete: 2 cards, of which 2 are needed."
      And the card of Davi is card 1 of a 2-of-2 set for activation
      And the card of Eva is card 2 of a 2-of-2 set for activation
      And the cards of Davi and Eva are of one set
      And the card of Davi is labelled "first"
      And the card of Eva is labelled "second"
      And the log says "set of cards finished" 1 time
      And the log says "written, card 1 of set" 1 time
      And the log does not call anything invalid
      And the HSM is not activated
      When somebody presses Enter
      And somebody presses Esc
      And somebody answers No
      And somebody types the PIN of Eva with the card in the local reader
      Then the HSM is not activated
      When somebody types the PIN of Davi with the card in the local reader
      Then the HSM is activated
      And the console shows "Service running..."

    @SC-03
    Scenario: A card that holds a key is overwritten only when somebody says so
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "holds a key already."
      When somebody presses Enter
      Then the console shows "The card was not overwritten."
      And the card of Ana holds what it was given at the beginning
      When somebody presses Esc
      Then the console shows "Copy Card"
      And the log does not call anything invalid
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody puts in the card of Ana and presses Enter
      And somebody answers Yes
      And somebody enters "12345678"
      And somebody enters "new"
      Then the card of Ana is card 1 of a 2-of-2 set for activation
      And the card of Ana is labelled "new"

    @SC-03
    Scenario: One card cannot be two cards of a set
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody puts in the card of Davi and presses Enter
      Then the console shows "This card is in the new set already."
      And the card of Davi is card 1 of a 2-of-2 set for activation
      When somebody gives the card of Eva, its PIN and the label "second"
      Then the console shows "The set is complete"

    @SC-03 @AU-14
    Scenario: A wrong PIN and a card of no use cost nothing but another try
      Given Fabio holds a card from the factory
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody puts in the card of Fabio and presses Enter
      Then the console shows "This card was never formatted."
      When somebody puts in the card of Davi and presses Enter
      And somebody enters "00000000"
      And somebody enters "first"
      Then the console shows "The PIN is wrong; 6 tries are left."
      And the console shows "Insert card 1 of 2 of the new set and press Enter."
      And the card of Davi holds neither label nor shadow
      And the log says "label -: refused, pin_wrong" 1 time
      When somebody gives the card of Davi, its PIN and the label "first"
      And somebody gives the card of Eva, its PIN and the label "second"
      Then the console shows "The set is complete"
      And the log says "label first: written, card 1" 1 time

    @SC-03
    Scenario: A set made on an active HSM changes nothing on it
      When somebody presses Esc
      And somebody answers No
      And somebody types the PIN of Ana with the card in the local reader
      And somebody types the PIN of Bruno with the card in the local reader
      Then the HSM is activated
      When somebody opens the Smart Card Manager
      And somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody gives the card of Eva, its PIN and the label "second"
      Then the console shows "The set is complete"
      And the HSM is activated
      When the power is cut
      And the power returns
      And the HSM has started
      And somebody types the PIN of Carla with the card in the local reader
      And somebody types the PIN of Ana with the card in the local reader
      Then the HSM is activated

  Rule: M and N

    @SC-04
    Scenario Outline: N of <n> is refused before any card is asked for
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "<n>"
      Then the console shows "N is a number from 2 to 64."
      And the console does not show "Insert card"

      Examples:
        | n   |
        | 0   |
        | 1   |
        | 65  |
        | 256 |
        | 999 |
        | two |

    @SC-04
    Scenario Outline: M of <m> is refused for N of 3
      When somebody chooses "Create Partition Auth Set" in the menu
      And somebody enters "3"
      And somebody enters "<m>"
      Then the console shows "M is a number from 2 to 3."
      And the console does not show "Insert card"

      Examples:
        | m   |
        | 0   |
        | 1   |
        | 4   |
        | 64  |
        | all |

    @SC-04 @SC-08 @LF-02
    Scenario: 64 of 64 are made, copied, and activate the HSM
      When somebody makes a 64-of-64 Server Master Key set of new cards called "Box"
      And somebody copies the set of 64 cards called "Box" to a 64-of-64 set of new cards called "Safe"
      Then the log says "set of cards finished" 2 times
      When somebody presses Esc
      And somebody answers No
      And somebody types the PINs of cards 1 to 63 called "Safe", each in the local reader
      Then the HSM is not activated
      When somebody types the PINs of cards 64 to 64 called "Safe", each in the local reader
      Then the HSM is activated

  Rule: Create Partition Auth Set

    @SC-06
    Scenario: A partition set does not activate
      When somebody chooses "Create Partition Auth Set" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label "first"
      And somebody gives the card of Eva, its PIN and the label "second"
      Then the console shows "2-of-2 partition authorization set"
      And the card of Davi is card 1 of a 2-of-2 set for partition authorization
      And the card of Eva is card 2 of a 2-of-2 set for partition authorization
      When somebody presses Enter
      And somebody presses Esc
      And somebody answers No
      And somebody types the PIN of Davi with the card in the local reader
      Then the HSM is not activated
      And the log says "refused, card_wrong_purpose" 1 time
