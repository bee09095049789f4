Feature: f
  Note: this is refused
  Scenario without its colon
    Given x
  Rule: r
    Rule 4 of the book says so.
    Examine the log; that is prose.
    When a scenario line is missing
    Then this is a step of it
    Scenario: s
      Given x
  Rule: t
    scenario outlines are nice
    * a bullet
    Scenario: u
      Given x
