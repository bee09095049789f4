Feature:
  Background:
  Rule: empty
  Rule:
    Scenario:
    Scenario: nothing
    Scenario: empty step
      Given 
