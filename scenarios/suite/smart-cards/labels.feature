Feature: Labels
  A label is given when a set is made, and shown to whoever knows the PIN.

  Background:
    Given an XP HSM out of the factory, and a 2-of-3 set of cards held by Ana, Bruno and Carla
    When somebody opens the Smart Card Manager

  Rule: Get Label

    @SC-07 @AU-14
    Scenario: After the PIN
      When somebody chooses "Get Label" in the menu
      And somebody puts in the card of Ana and presses Enter
      Then the console does not show "Label: Ana"
      When somebody enters "12345678"
      Then the console shows "Label: Ana"
      And the log says "label Ana: label shown" 1 time

    @SC-07
    Scenario: A card without one says so
      Given Davi holds a formatted card
      When somebody chooses "Get Label" in the menu
      And somebody gives the card of Davi and its PIN
      Then the console shows "This card has no label."
      And the log says "label -: label shown" 1 time

    @SC-07 @LG-03
    Scenario: A label that was written elsewhere cannot spoil the screen
      Given the label of Ana is "a\nb"
      When somebody chooses "Get Label" in the menu
      And somebody gives the card of Ana and its PIN
      Then the console shows "Label: a\u{a}b"

    @SC-07
    Scenario: A wrong PIN shows nothing and costs one try
      When somebody chooses "Get Label" in the menu
      And somebody puts in the card of Ana and presses Enter
      And somebody enters "00000000"
      Then the console shows "The PIN is wrong; 6 tries are left."
      And the card of Ana has 1 wrong PIN counted
      And the console does not show "Label:"

  Rule: What a label may be

    @SC-11
    Scenario: 64 bytes fit, one more does not, and none is none
      Given Davi holds a formatted card
      When somebody chooses "Create Server Master Key" in the menu
      And somebody enters "2"
      And somebody enters "2"
      And somebody gives the card of Davi, its PIN and the label ""
      Then the console shows "A label has 1 to 64 bytes and no control characters."
      When somebody enters "12345678"
      And somebody enters "ééééééééééééééééééééééééééééééééé"
      Then the console shows "A label has 1 to 64 bytes and no control characters."
      And the card of Davi holds neither label nor shadow
      When somebody enters "12345678"
      And somebody enters "éééééééééééééééééééééééééééééééé"
      Then the console shows "Card 1 was written."
      And the card of Davi is labelled "éééééééééééééééééééééééééééééééé"

    @SC-11
    Scenario: A wide label keeps the box whole
      Given the label of Ana is "日本"
      When somebody chooses "Get Label" in the menu
      And somebody gives the card of Ana and its PIN
      Then the console shows "Label: 日本"
