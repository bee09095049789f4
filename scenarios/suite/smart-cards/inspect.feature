Feature: Inspect
  What a card tells anybody, in the order of the vendor's screen. No PIN is asked for.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    When somebody opens the Smart Card Manager

  Rule: No PIN, and the vendor's twelve rows first

    @SC-01 @LC-08
    Scenario: A card with a shadow
      Given Ana holds a formatted card
      When somebody chooses "Inspect" in the menu
      Then the console shows "Insert the card and press Enter."
      When somebody puts in the card of Ana and presses Enter
      Then the console shows "ATR        : 3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43"
      And the console shows "CSN        : 15C000E3A8171006F00FF004"
      And the console shows "Family     : Gemplus Generic Product"
      And the console shows "Card Name  : GemXpresso Pro R3.x"
      And the console shows "Card OS    : OSv09"
      And the console shows "Prog Ver   : 01"
      And the console shows "Chip Ver   : 38"
      And the console shows "LOCK1 byte : 02"
      And the console shows "LOCK2 byte : 02"
      And the console shows "Card Type  : SmOe"
      And the console shows "PIN Locked : no (one more PIN change allowed)"
      And the console shows "PIN SCR    : 0"
      And the console does not show "PIN MMPN"
      When somebody presses the key Down
      Then the console shows "PIN MMPN   : 7"
      When somebody presses the key Down
      Then the console shows "Formatted  : yes"
      And the console does not show "Label"
      When somebody presses Enter
      Then the console shows "Copy Card"
      And the card of Ana has 0 wrong PINs counted

    @SC-01
    Scenario: Counted tries, and a card from the factory
      Given the card of Ana has met 3 wrong PINs elsewhere
      When somebody chooses "Inspect" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "PIN SCR    : 3"
      When somebody presses Enter
      Given Bruno holds a card from the factory
      When somebody chooses "Inspect" in the menu
      And somebody puts in the card of Bruno and presses Enter
      Then the console shows "PIN Locked : no"
      When somebody presses the key Down
      And somebody presses the key Down
      Then the console shows "Formatted  : no"

    @SC-01
    Scenario: A blocked card can be inspected, and no card cannot
      Given the card of Ana has met 7 wrong PINs elsewhere
      When somebody chooses "Inspect" in the menu
      And somebody presses Enter
      Then the console shows "There is no card in the reader."
      When somebody presses Enter
      And somebody chooses "Inspect" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console shows "PIN SCR    : 7"

    @SC-01 @LC-08
    Scenario: The card of the vendor's screen gives the vendor's screen
      Given Gil holds the card of the vendor's screen
      When somebody chooses "Inspect" in the menu
      And somebody puts in the card of Gil and presses Enter
      Then the console shows:
        """
        ┌────────────────────────────┤  ├─────────────────────────────┐
        │                                                             │
        │ ATR        : 3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43 ↑ │
        │ CSN        : 15C000E3A8171006F00FF0010                    ▒ │
        │ Family     : Gemplus Generic Product                      ▒ │
        │ Card Name  : GemXpresso Pro R3.x                          ▒ │
        │ Card OS    : OSv09                                        ▒ │
        │ Prog Ver   : 01                                           ▒ │
        │ Chip Ver   : 38                                           ▒ │
        │ LOCK1 byte : 02                                           ▒ │
        │ LOCK2 byte : 02                                           ▒ │
        │ Card Type  : SmOe                                         ▒ │
        │ PIN Locked : no (one more PIN change allowed)             ░ │
        │ PIN SCR    : 0                                            ↓ │
        │                                                             │
        │                           ┌────┐                            │
        │                           │ OK │                            │
        │                           └────┘                            │
        │                                                             │
        │                                                             │
        └─────────────────────────────────────────────────────────────┘
        """
