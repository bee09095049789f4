Feature: The PIN of a card
  Six wrong PINs are survived, the seventh blocks the card for ever. The PIN can be changed once.

  Background:
    Given a card of Ana in a reader

  Rule: Wrong PINs are counted

    @CD-03
    Scenario: Six wrong PINs are survived and a right one is forgiven everything
      Then the card says that 7 tries are left
      And the PIN "00000000" is wrong, with 6 tries left
      And the PIN "00000000" is wrong, with 5 tries left
      And the PIN "00000000" is wrong, with 4 tries left
      And the PIN "00000000" is wrong, with 3 tries left
      And the PIN "00000000" is wrong, with 2 tries left
      And the PIN "00000000" is wrong, with 1 try left
      And Inspect counts 6 wrong PINs
      When the PIN "12345678" is right
      Then the card says that its PIN is verified
      And Inspect counts 0 wrong PINs

    @CD-03 @CD-05
    Scenario: The seventh wrong PIN blocks for ever
      When the card answers "63C6" to "00 20 00 00 08 3030303030303030"
      And the card answers "63C5" to "00 20 00 00 08 3030303030303030"
      And the card answers "63C4" to "00 20 00 00 08 3030303030303030"
      And the card answers "63C3" to "00 20 00 00 08 3030303030303030"
      And the card answers "63C2" to "00 20 00 00 08 3030303030303030"
      And the card answers "63C1" to "00 20 00 00 08 3030303030303030"
      And the card answers "63C0" to "00 20 00 00 08 3030303030303030"
      And the card answers "6983" to "00 20 00 00 08 3030303030303030", 43 times
      Then the PIN "12345678" meets a blocked card
      And the card says that it is blocked
      When what holds the card is started again
      Then the PIN "12345678" meets a blocked card
      And erasing the card gives 6983
      And changing the PIN from "12345678" to "87654321" gives 6983
      And formatting the card with an MMPN of 7 and the PIN "12345678" gives 6985
      And the card answers "6985" to "80 24 01 00 08 12345678 87654321"
      And the PIN "12345678" meets a blocked card

    @CD-03
    Scenario Outline: The number of wrong PINs that block is the card's
      Given a card of Ana in a reader, with an MMPN of <MMPN>
      Then Inspect shows an MMPN of <MMPN>
      And the card says that <MMPN> tries are left
      And the PIN "00000000" is wrong, with <left> tries left

      Examples:
        | MMPN | left |
        | 1    | 0    |
        | 2    | 1    |
        | 15   | 14   |

    @CD-03
    Scenario: Asking counts nothing
      When the PIN "00000000" is wrong, with 6 tries left
      Then the card answers "63C6" to "00 20 00 00", 20 times
      And Inspect counts 1 wrong PIN

    @CD-10
    Scenario: The count survives removal, another start and a right answer to nothing
      When the PIN "00000000" is wrong, with 6 tries left
      And the card is taken out of its reader and put back
      Then the card says that 6 tries are left
      When the PIN "00000000" is wrong, with 5 tries left
      And what holds the card is started again
      Then the card says that 5 tries are left
      And Inspect counts 2 wrong PINs

  Rule: What is verified is forgotten

    @CD-08
    Scenario Outline: <what> forgets the PIN
      When the PIN "12345678" is right
      Then the label is "Ana"
      When <what>
      Then label and shadow cannot be read

      Examples:
        | what                                                                    |
        | the card is switched off and on                                         |
        | the card is reset without loss of power                                 |
        | the card is taken out of its reader and put back                        |
        | what holds the card is started again                                    |
        | the PIN "00000000" is wrong, with 6 tries left                          |
        | changing the PIN from "00000000" to "87654321" gives 63C6               |
        | the card answers "6112" to "00 A4 04 00 10 A0000000183003010000000000000000" |

    @CD-08
    Scenario: Selecting the card manager forgets the PIN
      When the PIN "12345678" is right
      And the card answers "6112" to "00 A4 04 00 00"
      And the card answers "6112" to "00 A4 04 00 05 A000000018"
      Then the card says that 7 tries are left

    @CD-08
    Scenario: Selecting a file keeps it
      When the PIN "12345678" is right
      And the card answers "6112" to "00 A4 00 00 02 3F00"
      And the card answers "6112" to "00 A4 01 00 02 0100"
      Then the card says that its PIN is verified

  Rule: Characters are mapped to a physical PIN

    @PN-01
    Scenario Outline: "<entry>" is the PIN 12345678
      Then the PIN "<entry>" is right

      Examples:
        | entry    |
        | 12345678 |
        | ABCDEFGH |
        | abcdefgh |
        | QRSTUVWX |
        | qrstuvwx |
        | 1B3d5V7x |

    @PN-01
    Scenario: A letter whose nibble is over nine is compared and costs a try
      Then the PIN "1234567J" is wrong, with 6 tries left
      And the PIN "zzzzzzzz" is wrong, with 5 tries left

    @PN-03 @CD-09
    Scenario: Another length reaches nothing and costs no try
      When the PIN "12345678" is right
      Then the card answers, line by line
        """
        00 20 00 00 07 31323334353637       -> 6700
        00 20 00 00 09 313233343536373839   -> 6700
        00 20 00 00 01 31                   -> 6700
        00 20 00 00                         -> 9000
        """

  Rule: The PIN is changed once

    @SC-02 @CD-06
    Scenario: A changed PIN is sealed
      Then Inspect says that the PIN can be changed once more
      When the PIN is changed from "12345678" to "87654321"
      Then Inspect says that the PIN is locked
      And the PIN "12345678" is wrong, with 6 tries left
      And the PIN "87654321" is right
      And changing the PIN from "87654321" to "11111111" gives 6985
      And changing the PIN from "00000000" to "11111111" gives 6985
      And the card says that its PIN is verified

    @SC-02 @CD-06 @CD-10
    Scenario: The seal survives another start
      When the PIN is changed from "12345678" to "87654321"
      And what holds the card is started again
      Then Inspect says that the PIN is locked
      And changing the PIN from "87654321" to "11111111" gives 6985
      And the PIN "87654321" is right

    @SC-02 @CD-03
    Scenario: A wrong old PIN costs a try and changes nothing
      When changing the PIN from "12345679" to "87654321" gives 63C6
      Then Inspect says that the PIN can be changed once more
      And the PIN "12345678" is right

    @PN-02
    Scenario Outline: "<new>" is no new PIN and costs no try
      When changing the PIN from "12345678" to "<new>" gives 6A80
      Then the card says that 7 tries are left
      And Inspect says that the PIN can be changed once more

      Examples:
        | new      |
        | ABCDEFGH |
        | 1234567a |
        | 1234567? |

    @PN-02
    Scenario: In packed digits, another nibble is no digit
      Then the card answers, line by line
        """
        80 24 00 00 08 12345678 8765432A -> 6A80
        80 24 00 00 08 12345678 A7654321 -> 6A80
        00 20 00 00                      -> 63C7
        80 24 00 00 08 12345678 87654321 -> 9000
        80 24 00 00 08 87654321 12345678 -> 6985
        """

  Rule: The old PIN may be typed as letters
    @PN-01 @SC-02
    Scenario: Letters present the old PIN
      When the PIN is changed from "ABCDEFGH" to "87654321"
      Then the PIN "87654321" is right
