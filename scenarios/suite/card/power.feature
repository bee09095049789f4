Feature: Power that goes in the middle
  A card can be torn out at any byte that a command writes. It never gives a free try, and never stands between two PINs.

  Background:
    Given a card of Ana in a reader

  @CD-04
  Scenario Outline: A VERIFY that is cut off after byte <byte> gives no free try
    When the PIN "00000000" is wrong, with 6 tries left
    And the power goes after byte <byte> of "00 20 00 00 08 <PIN>"
    Then the card says that <left> tries are left

    Examples: a wrong PIN
      | byte | PIN              | left |
      | 0    | 3030303030303030 | 6    |
      | 1    | 3030303030303030 | 5    |
      | 2    | 3030303030303030 | 5    |

    Examples: the right one, which writes the counter back
      | byte | PIN              | left |
      | 0    | 3132333435363738 | 6    |
      | 1    | 3132333435363738 | 5    |
      | 2    | 3132333435363738 | 7    |

  @CD-04 @CD-05
  Scenario: On the last try it costs the card, even with the right PIN
    Given a card of Ana in a reader, with an MMPN of 1
    When the power goes after byte 1 of "00 20 00 00 08 3132333435363738"
    Then the PIN "12345678" meets a blocked card

  @CD-06
  Scenario Outline: A change of the PIN that is cut off after byte <byte> leaves the old PIN unsealed
    When the power goes after byte <byte> of "80 24 00 00 08 12345678 87654321"
    Then Inspect says that the PIN can be changed once more
    And the PIN "12345678" is right
    And the PIN is changed from "12345678" to "87654321"

    Examples: counted, forgiven, then eight bytes of the new PIN
      | byte |
      | 0    |
      | 1    |
      | 2    |
      | 3    |
      | 4    |
      | 5    |
      | 6    |
      | 7    |
      | 8    |
      | 9    |
      | 10   |

  @CD-06
  Scenario: After its last byte it leaves the new PIN sealed
    When the power goes after byte 11 of "80 24 00 00 08 12345678 87654321"
    Then Inspect says that the PIN is locked
    And the PIN "12345678" is wrong, with 6 tries left
    And the PIN "87654321" is right

  @SC-11
  Scenario Outline: A label that is cut off after byte <byte> is the old one, the new one, or none
    When the PIN "12345678" is right
    And the card answers "9000" to "00 A4 01 0C 02 0100"
    And the power goes after byte <byte> of "00 D6 81 00 05 427275 6E6F"
    Then label and shadow cannot be read
    When the PIN "12345678" is right
    Then the card answers "<read>" to "00 B0 81 00 05"

    Examples: the length, five bytes, the length
      | byte | read            |
      | 0    | 416E61 6282     |
      | 1    | 6282            |
      | 2    | 6282            |
      | 6    | 6282            |
      | 7    | 4272756E6F 9000 |

  @SC-05
  Scenario: An erasure that is cut off has taken the key
    When the PIN "12345678" is right
    And the power goes after byte 1 of "DB DE 00 00"
    And the PIN "12345678" is right
    Then the card has no shadow
    And the label is "Ana"
    When the card is erased
    And the PIN "12345678" is right
    Then the card has no label

  @CD-11
  Scenario Outline: A format that is cut off after byte <byte> leaves a card from the factory
    Given a card from the factory in a reader
    When the power goes after byte <byte> of "80 FA 00 00 0A 01 07 12345678 536D4F65"
    Then Inspect says that the card was never formatted
    And formatting the card with an MMPN of 7 and the PIN "12345678" gives 9000
    And the PIN "12345678" is right

    Examples:
      | byte |
      | 0    |
      | 1    |
      | 4    |
      | 9    |
      | 16   |
