Feature: f
  Scenario Outline: no examples
    Given x
  Scenario Outline: no table
    Given x
    Examples:
  Scenario Outline: no rows
    Given <a>
    Examples:
      | a |
  Scenario Outline: columns <nmae>
    Given <a> and <modle>
      """
        in <it>
      """
    And < not > a <= placeholder
      | <cell> |
    Examples:
      | a | name | model | a | | <x> |
      | 1 | 2    | <a>   | 4 | 5 | 6 |
    Then too late
  Scenario: plain
    Given <a>
    Examples:
      | a |
      | 1 |
