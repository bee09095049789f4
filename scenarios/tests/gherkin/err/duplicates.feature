@a @b @a
Feature: f
  Scenario: same
    Given x
  Rule: r
    @b
    @c @b
    Scenario: same
      Given x
