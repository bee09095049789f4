Feature: The card as stock programs meet it
  Answer to reset, T=0, and an answer to everything.

  Background:
    Given a card of Ana in a reader

  @CD-01
  Scenario: The answer to reset is that of the family, cold and warm
    Then the answer to a cold and to a warm reset is "3B 7A 94 00 00 80 65 A2 01 01 01 3D 72 D6 43"

  @CD-01
  Scenario: A selection promises what GET RESPONSE collects, in class 00 and 80
    Then the card answers, line by line
      """
      00 A4 04 00 10 A0000000183003010000000000000000 -> 6112
      00 C0 00 00 12 -> 8510 0000 0100 38 00 0000 0000 0000 0000 0000 9000
      00 C0 00 00 12 -> 6985
      00 A4 04 00 05 A000000018 -> 6112
      80 C0 00 00 04 -> 8510 0000 610E
      00 C0 00 00 00 -> 6C0E
      80 C0 00 00 0E -> 0100 38 00 0000 0000 0000 0000 0000 9000
      00 A4 00 00 02 3F00 -> 6112
      00 A4 00 0C 02 3F00 -> 9000
      00 C0 00 00 12 -> 6985
      00 A4 00 00 00 -> 6112
      00 A4 04 00 07 A0000000041010 -> 6A82
      00 A4 01 00 02 0100 -> 6112
      00 A4 02 00 02 0002 -> 6112
      00 A4 01 00 02 0002 -> 6981
      00 A4 02 00 02 7777 -> 6A82
      """

  @CD-01
  Scenario: SELECT never answers 6C, and no length is extended
    Then the card answers, line by line
      """
      00 A4 00 00 -> 6112
      00 A4 04 00 -> 6112
      00 A4 04 00 00 -> 6112
      00 A4 04 00 FF -> 6700
      00 A4 04 00 00 00 05 A000000018 -> 6700
      00 A4 04 00 11 A000000018300301000000000000000000 -> 6700
      """

  @CD-02
  Scenario: Serial number and status are read without a PIN
    Then Inspect shows the serial number "15C000E3A8171006F00FF0010"
    And the card answers, line by line
      """
      80 C0 02 A1 08 -> 15C00000E3A81710 9000
      80 C0 02 A4 0D -> 15C00000E3 00FF00 00000000 02 9000
      80 C0 02 E0 18 -> 01 01 02 02 00 07 01 A201090138 536D4F65 0000 0024 000000 00 9000
      80 C0 02 E0 00 -> 6C18
      80 C0 02 E1 00 -> 6C10
      80 C0 02 A1 00 -> 6C08
      80 C0 02 A4 00 -> 6C0D
      """

  @CD-09
  Scenario: Class, instruction, parameters and length are judged in this order, and none costs a try
    Then the card answers, line by line
      """
      FF FF 01 FF 01 02 -> 6E00
      A0 A4 00 00 02 -> 6E00
      04 20 00 00 08 3030303030303030 -> 6E00
      00 FF FF FF 01 02 -> 6D00
      80 20 00 00 08 3030303030303030 -> 6D00
      DB 20 00 00 08 3030303030303030 -> 6D00
      00 20 01 00 01 02 -> 6B00
      00 24 01 00 01 02 -> 6B00
      00 B0 A0 00 01 02 -> 6B00
      80 C0 02 A2 FF -> 6B00
      DB DE 00 01 01 02 -> 6B00
      00 20 00 00 01 02 -> 6700
      80 24 00 00 01 02 -> 6700
      00 24 00 00 01 02 -> 6700
      80 FA 00 00 01 02 -> 6700
      00 20 00 00 -> 63C7
      """

  @CD-09
  Scenario: What a reader that looks for other cards sends is answered calmly
    Then the card answers, line by line
      """
      00 CA DF 30 05 -> 6D00
      00 CB 3F FF 03 5C017E -> 6D00
      00 A4 04 00 0C A000000018 0A000001634200 -> 6A82
      00 A4 04 0C 07 A0000000040001 -> 6A82
      00 A4 04 00 08 A000000018434D00 -> 6112
      00 C0 00 00 12 -> 6F10 8408 A000000018434D00 A504 9F6501FF 9000
      80 CA 9F 7F 00 -> 6C2D
      80 CA 00 42 00 -> 6A88
      80 50 00 00 08 0102030405060708 -> 6985
      00 20 00 00 -> 6D00
      00 A4 04 00 05 A000000018 -> 6112
      80 50 00 00 08 0102030405060708 -> 6D00
      00 20 00 00 -> 63C7
      """

  @CD-09
  Scenario: Half a header is answered too
    Then the card answers, line by line
      """
      00 20 -> 6700
      00 20 00 -> 6700
      00 20 00 00 -> 63C7
      """

  @sim-only @CD-09
  Scenario: A byte or nothing at all is answered too
    Simulation only: to the readers of this rig a message of one byte is power or reset, and none is no message

    Then the card answers "6700" to "00"
    And the card answers "6700" to ""
    And the card says that 7 tries are left
