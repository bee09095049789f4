  # a comment before everything

# language: en
# language comes once, this is a comment
@RM-07  @model:rack #not a tag @neither
# between tags
@AU-03

Feature:   The door  of the device  

  The device closes the session when nobody speaks.
    This line keeps its indentation, and the next one is blank.
   
  # a comment within the description
  RM-07: an id may begin a line, and https://example.org may follow.

  Background: before each
    # a comment before a step
    Given a device
    * another
      | a | b\|c |

      # a comment between rows
      | \n \\ | \x |

  @a
  Scenario: plain
    Given a text

      """json
      { "a": 1,
        "b": \"\"\" and \"\"\" }
     less indented

        # not a comment
        @not-a-tag
        Scenario: not a keyword
      """
    When another
      ```
      """
      \`\`\`
      ```
    Then it is there
    And   it stays    there  
    But nothing else

  Example: as an example
    When it is one

  @x
  @y
  Scenario Outline: for <model>
    Given <model> with <count>
    Then the text
      """text <count>
      <model>
      """
    And the table
      | <model> |

    # a comment before tags
    @z
    # a comment after tags
    Examples: small
      | model | count |

      # a comment between examples
      | R1    | 1     |
      |  | |
    Scenarios:
      | count | model |
      | 2     | 日本 |

  Scenario Template: other words
    * <a>
    Examples:
      | a |
      | $1 & <b> |

  @r @s
  Rule: a rule
    Text of the rule.

    Background:
      Given more

    Scenario: in the rule
      Then fine

  Rule: second rule

    # a comment first

    After it blank lines count.

    Example: in the second rule
      Given the end
# the last comment
