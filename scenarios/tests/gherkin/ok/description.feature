Feature: descriptions
  
  # comment first

  As a custodian
  I want to wait,
  so that nobody is locked out: not me, not you.

    Indented twice.
  When-ever is no keyword, and neither is Givenness.
  "Quoted" at the start, (parenthesised), and then 12:30.

  
  Rule: blank description


    # only a comment


    Scenario: s
      Given x

  Rule:   spaces around the name   
    Prose.
    @tag
    Scenario:t
      Given x
