Feature: f
  | a |
  """
  Scenario: text
  """
  @t
  Background:
    @u
    Given x
    """
    one
    """
    | two |
  Scenario: s
    | a |
    @v
    Given x
      | a |
      """
      b
      """
  Background:
    Given x
  # language: en
  Examples:
    | a |
    | b |
  @end
