Faeture: f
  Prose.
  Bakground:
    Given x
  Scenaro: misspelt
    Given x
  Scenario Outlin: s
    Given <a>
    Exmaples:
      | a |
      | 1 |
  SCENARIO: shouted
    Given x
  Scenario : with a space
    Given x
  Rules: r
    Exampel: e
      Given x
