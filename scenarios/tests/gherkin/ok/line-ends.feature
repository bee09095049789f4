Feature: byte order mark

  Prose with CR LF.

  Scenario: ends with CR LF
    Given a table
      | a  |
      | b |
    And a text
      """
      one

        two
      """