Feature: What a card holds
  Label and shadow stand behind the PIN. Erasing takes both; what a format made stays.

  Background:
    Given a card of Ana in a reader

  Rule: Behind the PIN

    @CD-07
    Scenario: Without the PIN nothing is read
      Then label and shadow cannot be read
      When the PIN "00000000" is wrong, with 6 tries left
      Then label and shadow cannot be read
      And the card answers, line by line
        """
        00 A4 02 0C 02 0001     -> 9000
        00 B0 00 00 03          -> 6982
        00 A4 02 0C 02 0002     -> 9000
        00 B0 00 00 24          -> 6982
        """

    @CD-07
    Scenario: The PIN itself is never read, and never written as a file
      When the PIN "12345678" is right
      Then the card answers, line by line
        """
        00 A4 01 0C 02 0100     -> 9000
        00 A4 02 00 02 0000     -> 6112
        00 C0 00 00 12          -> 8510 0000 0000 21 00 0040 C000 C000 C000 0000 9000
        00 B0 00 00 08          -> 6982
        00 D6 00 00 01 41       -> 6982
        00 B0 80 00 08          -> 6A82
        """

    @SC-07
    Scenario: The label is shown after the PIN
      When the PIN "12345678" is right
      Then the label is "Ana"

    @SC-07
    Scenario: A card without a label says so, which is no error
      Given a formatted card in a reader
      When the PIN "12345678" is right
      Then the card has no label

  Rule: Writing

    @SC-11
    Scenario: A label has up to 64 bytes, and at least one
      When the PIN "12345678" is right
      And the card answers "9000" to "00 A4 01 0C 02 0100"
      Then writing a label of 1 bytes gives 9000
      And the label is "x"
      And writing a label of 64 bytes gives 9000
      And the label is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      And writing a label of 65 bytes gives 6A84
      And the card answers "6700" to "00 D6 81 00 00"
      And the label is "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

    @SC-11
    Scenario: A label of other letters keeps its bytes, and a shorter one leaves none of a longer
      When the PIN "12345678" is right
      And the card answers "9000" to "00 A4 01 0C 02 0100"
      And the label "João, 山田" is written
      Then the label is "João, 山田"
      When the label "Zé" is written
      Then the label is "Zé"

    @CD-10
    Scenario: What was written is there after another start
      When the PIN "12345678" is right
      And the card answers "9000" to "00 A4 01 0C 02 0100"
      And the label "Bruno" is written
      And a shadow of 255 bytes is written
      And what holds the card is started again
      And the PIN "12345678" is right
      Then the label is "Bruno"
      And the shadow has 255 bytes

    @CD-12
    Scenario: Offsets count units of four bytes
      When the PIN "12345678" is right
      Then the card answers, line by line
        """
        00 A4 01 0C 02 0100            -> 9000
        00 B0 82 00 04                 -> 30313233 9000
        00 B0 82 01 04                 -> 34353637 9000
        00 B0 82 00 00                 -> 6C24
        00 B0 82 08 00                 -> 6C04
        00 B0 82 08 05                 -> 61646F77 6282
        00 B0 82 09 01                 -> 6B00
        00 D6 82 01 04 AABBCCDD        -> 9000
        00 B0 82 00 08                 -> 30313233 AABBCCDD 9000
        00 D6 82 03 01 EE              -> 6B00
        """

  Rule: Erasing

    @SC-05
    Scenario: Erasing needs the PIN
      Then erasing the card gives 6982
      When the PIN "00000000" is wrong, with 6 tries left
      Then erasing the card gives 6982

    @SC-05 @CD-05
    Scenario: A blocked card is not erased
      Given a card of Ana in a reader, with an MMPN of 1
      When the PIN "00000000" is wrong, with 0 tries left
      Then erasing the card gives 6983

    @SC-05
    Scenario: An erased card is as from its format
      When the PIN "00000000" is wrong, with 6 tries left
      And the PIN "12345678" is right
      And the card is erased
      Then Inspect counts 0 wrong PINs
      And Inspect says that the PIN can be changed once more
      And label and shadow cannot be read
      When the PIN "12345678" is right
      Then the card has no label
      And the card has no shadow
      And the PIN is changed from "12345678" to "87654321"

    @SC-05
    Scenario: A sealed card keeps PIN and seal
      When the PIN is changed from "12345678" to "87654321"
      And the card is erased
      Then Inspect says that the PIN is locked
      And the PIN "12345678" is wrong, with 6 tries left
      And the PIN "87654321" is right
      And the card has no shadow
      And changing the PIN from "87654321" to "11111111" gives 6985

    @SC-05
    Scenario: Its profile can have the erasure break the seal
      Given a card of Ana in a reader, whose erasure breaks the seal
      When the PIN is changed from "12345678" to "87654321"
      And the card is erased
      Then Inspect says that the PIN can be changed once more
      And the PIN "87654321" is wrong, with 6 tries left
      And the PIN is changed from "12345678" to "11111111"
      And the PIN "11111111" is right

  Rule: A format makes a card once

    @CD-11
    Scenario: A card from the factory has no PIN until it is formatted
      Given a card from the factory in a reader
      Then Inspect says that the card was never formatted
      And the card answers "6985" to "00 20 00 00 08 3030303030303030"
      And changing the PIN from "00000000" to "11111111" gives 6985
      And erasing the card gives 6985
      When formatting the card with an MMPN of 7 and the PIN "12345678" gives 9000
      Then Inspect says that the PIN can be changed once more
      And the PIN "12345678" is right
      And formatting the card with an MMPN of 7 and the PIN "12345678" gives 6985
      When the card is erased
      Then formatting the card with an MMPN of 7 and the PIN "12345678" gives 6985

    @CD-11
    Scenario Outline: An MMPN of <MMPN> gives <answer>
      Given a card from the factory in a reader
      Then formatting the card with an MMPN of <MMPN> and the PIN "12345678" gives <answer>

      Examples:
        | MMPN | answer |
        | 0    | 6A80   |
        | 1    | 9000   |
        | 15   | 9000   |
        | 16   | 6A80   |
