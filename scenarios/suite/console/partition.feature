Feature: Partition Authorization
  M of N of a set of its own purpose change what may be done with a user's keys.

  Background:
    Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
    And it has been activated at the console
    And Davi and Eva hold the whole of a 2-of-2 partition set

  @LC-02
  Scenario: A set is associated, authorizes, and revokes; each is durable
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    Then the console shows "Partition master is not associated with a set."
    When somebody presses the button "Associate"
    Then the console shows "Put the first card of the set into the reader."
    When somebody types the PIN of Davi with the card in the local reader
    Then the console shows "Put card 2 of 2 into the reader."
    And the log does not say "partition master"
    When somebody types the PIN of Eva with the card in the local reader
    Then the console shows "Partition master is associated with this set."
    And the log says "partition master associated with this set" 1 time
    When the power is cut
    And the power returns
    And the HSM has started
    And somebody types the PIN of Ana with the card in the local reader
    And somebody types the PIN of Bruno with the card in the local reader
    And somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    Then the console shows "Partition master is associated, not authorized."
    When somebody presses the button "Authorize"
    And somebody types the PIN of Eva with the card in the local reader
    And somebody types the PIN of Davi with the card in the local reader
    Then the console shows "Partition master is authorized."
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    And somebody presses the button "Revoke"
    And somebody types the PIN of Davi with the card in the local reader
    And somebody types the PIN of Eva with the card in the local reader
    Then the console shows "Partition master is authorized no longer."
    And the log says "partition master" 3 times

  @LC-02
  Scenario: A card that does not count leaves those that did
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    And somebody presses the button "Associate"
    And somebody types the PIN of Davi with the card in the local reader
    And somebody types the PIN of Ana with the card in the local reader
    Then the console shows "the card belongs to a set for another purpose"
    When somebody presses Enter
    And somebody types the PIN of Davi with the card in the local reader
    Then the console shows "this card, or a copy of it, has counted already"
    When somebody presses Enter
    Then the console shows "Put card 2 of 2 into the reader."
    When somebody types the PIN of Eva with the card in the local reader
    Then the console shows "Partition master is associated with this set."

  @LC-02
  Scenario: Only the set that is associated authorizes
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    And somebody presses the button "Associate"
    And somebody types the PIN of Davi with the card in the local reader
    And somebody types the PIN of Eva with the card in the local reader
    And Fabio and Gil hold the whole of a 2-of-2 partition set
    And somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    And somebody presses the button "Authorize"
    And somebody types the PIN of Fabio with the card in the local reader
    Then the console shows "the card belongs to another set"
    And the log says "partition master" 1 time

  @LC-02
  Scenario Outline: Esc at <where> changes nothing
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    And somebody presses the button "Associate"
    And somebody types the PIN of <people> with the card in the local reader
    And somebody presses Esc
    Then the menu has "Partition Authorization" selected
    And the log does not say "partition master"
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "master" as "Partition"
    And somebody presses Enter
    And somebody presses the button "Associate"
    Then the console shows "Put the first card of the set into the reader."

    Examples:
      | where          | people |
      | the second PIN | Davi   |

  @LC-02
  Scenario: Without a service, and for nobody
    When somebody chooses "Partition" > "Partition Authorization" at the console
    And somebody enters "nobody" as "Partition"
    And somebody presses Enter
    Then the console shows "There is no partition `nobody`."
    When somebody chooses "Stop Service" at the console
    And somebody chooses "Partition" > "Partition Authorization" at the console
    Then the console shows "This needs a running service."
