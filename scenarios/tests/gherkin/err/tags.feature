@a,b @ c @d@e
Feature: f
  @ok # comment
  Scenario: s
    Given x
