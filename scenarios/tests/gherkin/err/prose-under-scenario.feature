Feature: f
  Scenario: s
    This is what it does.
    Gven a device
    WHEN it is closed
    Then	a tab follows
    And
    Given it is open
    But: a colon
    and lower case
  Background:
    prose
    Given x
