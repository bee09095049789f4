Feature: What is configured at the console
  Network, date and time, the list of replication nodes, and what destroys the database.

  Background:
    Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
    And it has been activated at the console

  @LC-07 @NW-02
  Scenario: An interface gets another address, which is durable
    When somebody chooses "Configuration" > "Network" > "Interface 1" at the console
    Then the console shows:
      """
      MAC 02:00:00:00:00:01, link up

      Address  192.0.2.10_____
      Netmask  255.255.255.0__
      Speed    auto
      """
    When somebody enters "192.0.2.77" as "Address"
    And somebody presses the button "OK"
    Then the console shows "The network settings are changed."
    And the log says "operation done: set network" 1 time
    When the power is cut
    And the power returns
    And the HSM has started
    And somebody types the PIN of Ana with the card in the local reader
    And somebody types the PIN of Bruno with the card in the local reader
    And somebody chooses "About" at the console
    Then the console shows "192.0.2.77 / 255.255.255.0"

  @LC-07 @NW-03
  Scenario Outline: <what> is refused field by field, with nothing changed
    When somebody chooses "Configuration" > "Network" > "<page>" at the console
    And somebody enters "<typed>" as "<field>"
    And somebody presses the button "OK"
    Then the console shows "<why>"
    And the console shows "Nothing was changed."
    And the log does not say "operation done: set network"
    When somebody presses Enter
    Then the console shows "<typed>"
    When somebody presses Esc
    And somebody chooses "Configuration" > "Network" > "<page>" at the console
    Then the console does not show "<typed>"

    Examples:
      | what                            | page            | field         | typed         | why      |
      | an address that is none         | Interface 1     | Address       | 192.0.2.256   | ip:      |
      | an address of its network       | Interface 1     | Address       | 192.0.2.0     | ip:      |
      | the address of the other one    | Interface 1     | Address       | 198.51.100.10 | another  |
      | a mask with a hole              | Interface 2     | Netmask       | 255.0.255.0   | mask:    |
      | a speed that no interface has   | Interface 1     | Speed         | 17            | speed:   |
      | a gateway in nobody's network   | Default Gateway | Address       | 203.0.113.1   | gateway: |
      | a name server that is a name    | Name Servers    | Name server 1 | dns.example   | dns      |
      | a time server that is no name   | NTP             | Servers       | -x-           | ntp      |

  @LC-07
  Scenario: A device without a gateway
    When somebody chooses "Configuration" > "Network" > "Default Gateway" at the console
    And somebody enters "" as "Address"
    And somebody presses the button "OK"
    Then the console shows "The network settings are changed."
    When somebody presses Enter
    And somebody chooses "About" at the console
    Then the console shows "Default Gateway      : <none>"

  @LC-07 @LC-03
  Scenario: Esc leaves a form without a change
    When somebody chooses "Configuration" > "Network" > "Interface 2" at the console
    And somebody enters "198.51.100.99" as "Address"
    And somebody presses Esc
    Then the menu has "Interface 2" selected
    When somebody presses Enter
    Then the console shows "198.51.100.10"

  @LC-07 @RM-24
  Scenario: Date and time are the device's own, are kept, and move no limit
    When somebody chooses "Configuration" > "Date and Time" at the console
    And somebody enters "2031/02/28 23:59:50" as "Date and time"
    And somebody presses the button "OK"
    Then the console shows "Date and time are set."
    And the log says "date and time set from" 1 time
    When somebody presses Enter
    And 10 s pass
    And somebody chooses "About" at the console
    Then the console shows "Date and Time        : 2031/03/01 00:00:00 UTC"
    When somebody chooses "Remote Management" at the console
    And Ana connects
    And 119.999 s pass
    Then Ana is the manager
    When 1 ms passes
    Then the session of Ana has ended with inactivity
    When the power is cut
    And the power returns
    And the HSM has started
    Then the log says "2031/03/01 00:0" 5 times

  @LC-07
  Scenario Outline: <typed> is no date and time
    When somebody chooses "Configuration" > "Date and Time" at the console
    And somebody enters "<typed>" as "Date and time"
    And somebody presses the button "OK"
    Then the console shows "Expected yyyy/mm/dd HH:MM:SS"
    And the log does not say "date and time set"

    Examples:
      | typed               |
      | 2031/02/29 00:00:00 |
      | 2031/02/28 24:00:00 |
      | 1999/12/31 23:59:59 |
      | 2100/01/01 00:00:00 |
      | tomorrow            |

  @LC-07
  Scenario: Nodes are added, listed and deleted, and are kept
    When somebody chooses "Configuration" > "Replication" > "Node List" at the console
    Then the console shows "There is no node in the list."
    When somebody chooses "Configuration" > "Replication" > "New Node" at the console
    And somebody enters "192.0.2.20" as "Address"
    And somebody presses the button "OK"
    Then the console shows "192.0.2.20 is in the list."
    When somebody chooses "Configuration" > "Replication" > "New Node" at the console
    And somebody enters "2001:db8::20" as "Address"
    And somebody presses the button "OK"
    And the power is cut
    And the power returns
    And the HSM has started
    And somebody types the PIN of Ana with the card in the local reader
    And somebody types the PIN of Bruno with the card in the local reader
    And somebody chooses "Configuration" > "Replication" > "Node List" at the console
    Then the console shows:
      """
      Node 1     : 192.0.2.20
      Node 2     : 2001:db8::20
      """
    When somebody chooses "Configuration" > "Replication" > "Delete Node" at the console
    And somebody enters "192.0.2.20" as "Address"
    And somebody presses the button "OK"
    Then the console shows "192.0.2.20 is not in the list any more."
    And the log says "replication node removed: 192.0.2.20" 1 time
    When somebody chooses "Configuration" > "Replication" > "Node List" at the console
    Then the console shows "Node 1     : 2001:db8::20"

  @LC-07
  Scenario Outline: The node <typed> is refused
    When somebody chooses "Configuration" > "Replication" > "New Node" at the console
    And somebody enters "192.0.2.20" as "Address"
    And somebody presses the button "OK"
    And somebody chooses "Configuration" > "Replication" > "New Node" at the console
    And somebody enters "<typed>" as "Address"
    And somebody presses the button "OK"
    Then the console shows "<why>"
    And the log says "replication node added" 1 time

    Examples:
      | typed      | why                                |
      | 192.0.2.20 | is in the list already             |
      | 192.0.2.10 | is the address of this HSM         |
      | 127.0.0.1  | is not the address of another HSM  |
      | 224.0.0.1  | is not the address of another HSM  |
      | hsm-b      | is not an IP address               |
      | 192.0.2    | is not an IP address               |

  @LC-07
  Scenario: A node that is not in the list is not deleted
    When somebody chooses "Configuration" > "Replication" > "Delete Node" at the console
    And somebody enters "192.0.2.21" as "Address"
    And somebody presses the button "OK"
    Then the console shows "`192.0.2.21` is not in the list."

  @LC-07 @OP-07 @OP-09
  Scenario: Operating Mode asks for the serial number and ends in first boot
    When somebody chooses "Configuration" > "Operating Mode" > "RM1" at the console
    And somebody enters "TXP0000001" as "Serial number"
    And somebody presses Enter
    And the HSM has started
    Then the console shows "This is a fresh/first time HSM boot."
    And the log says "operation accepted at the console: set operating mode" 1 time

  @LC-07 @OP-07
  Scenario: The mode that the device has already is refused
    When somebody chooses "Configuration" > "Operating Mode" > "NRM" at the console
    And somebody enters "TXP0000001" as "Serial number"
    And somebody presses Enter
    Then the console shows "this cannot be done in the present state"
    And the log does not say "database erased"

  @LC-07 @OP-06 @OP-09
  Scenario: Esc at the serial number destroys nothing
    When somebody chooses "Configuration" > "Database Reset" at the console
    And somebody enters "TXP0000001" as "Serial number"
    And somebody presses Esc
    Then the menu has "Database Reset" selected
    And the log does not say "operation accepted"

  @LC-07 @RM-16
  Scenario: Load Remote Management opens the box
    When somebody chooses "Configuration" > "Load Remote Management" at the console
    Then the console shows "ready to process remote commands"

  @LC-07 @OP-04
  Scenario: Unblock Master
    When somebody chooses "Configuration" > "Unblock Master" at the console
    Then the console shows "The user master is unlocked."
