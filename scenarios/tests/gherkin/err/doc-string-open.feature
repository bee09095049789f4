Feature: f
  Scenario: s
    Given x
      """
      text
    Then swallowed
    ```
