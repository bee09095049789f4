# only this
Scenario: s
  Given x
