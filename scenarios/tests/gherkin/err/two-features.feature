Feature: one
  Scenario: s
    Given x

Feature: two
  Prose of it.
  Scenario: t
    Given x
