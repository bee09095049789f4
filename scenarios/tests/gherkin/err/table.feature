Feature: f
  Scenario: s
    Given a table
      | a | b |
      | 1 |
      | 1 | 2 | 3 |
      | 1 | 2
      | 1 | 2 | # a comment
      |
      | 日 | \| |x
