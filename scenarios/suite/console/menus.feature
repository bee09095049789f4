Feature: The menus of the local console
  What somebody at the device sees, and which keys move there.

  Background:
    Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla

  @LC-01 @LC-04
  Scenario: Title, main menu and status line stand where the vendor's page has them
    Given it has been activated at the console
    Then the screen has 25 rows of at most 80 columns
    And the console shows exactly:
      """
                              Dinamo - Local Management Console






                               ┌──────────┤ Main ├──────────┐
                               │    About                   │
                               │    Stop Service            │
                               │    Monitor              ▸  │
                               │    Remote Management       │
                               │    Configuration        ▸  │
                               │    Partition            ▸  │
                               │    Self Test               │
                               │    Lock Console            │
                               │    Power Off            ▸  │
                               └────────────────────────────┘






        Service running...                                Replication Domain: <none>
      """

  @LC-01 @OP-01
  Scenario: The status line and the menu follow the service
    Given it has been activated at the console
    When somebody chooses "Stop Service" at the console
    Then the console shows "Service stopped"
    And the console shows "Start Service"
    And the console does not show "Stop Service"
    When somebody chooses "Start Service" at the console
    Then the console shows "Service running..."
    And the console shows "Stop Service"

  @LC-03
  Scenario Outline: The key <key> goes through every entry of <menu>
    Given it has been activated at the console
    When somebody chooses "<menu>" at the console
    Then the menu has "◂" selected
    When somebody goes through the menu with the key <key>

    Examples:
      | menu          | key  |
      | Configuration | Down |
      | Configuration | Up   |
      | Configuration | Tab  |
      | Power Off     | Down |
      | Monitor       | Up   |
      | Partition     | Tab  |

  @LC-03
  Scenario: Three ways back, and the entry through which one came is selected
    Given it has been activated at the console
    When somebody chooses "Configuration" > "Replication" at the console
    And somebody presses Enter
    Then the menu has "Replication" selected
    When somebody presses the key Right
    Then the console shows "Node List"
    When somebody presses the key Left
    Then the menu has "Replication" selected
    When somebody presses Esc
    Then the menu has "Configuration" selected
    When somebody presses Esc
    Then the menu has "Configuration" selected
    And the console shows "Main"

  @LC-03
  Scenario: A letter and a function key mean nothing in a menu
    Given it has been activated at the console
    When somebody presses a letter
    And somebody presses the key F5
    And somebody presses the key Backspace
    Then the menu has "About" selected

  @LC-07
  Scenario: Configuration
    Given it has been activated at the console
    When somebody chooses "Configuration" at the console
    Then the console shows:
      """
      ┌─────┤ Configuration ├──────┐
      │    ◂                       │
      │    Smart Card Manager   ▸  │
      │    Network              ▸  │
      │    Date and Time           │
      │    Operating Mode       ▸  │
      │    Replication          ▸  │
      │    Unblock Master          │
      │    Load Remote Management  │
      │    Database Reset          │
      └────────────────────────────┘
      """

  @LC-08
  Scenario: The Smart Card Manager has the vendor's entries in a box of 35 columns
    Given it has been activated at the console
    When somebody chooses "Configuration" > "Smart Card Manager" at the console
    Then the console shows:
      """
      ┌─────────┤ Smart Card ├──────────┐
      │    ◂                            │
      │    Inspect                      │
      │    Change PIN                   │
      │    Create Server Master Key     │
      │    Erase                        │
      │    Create Partition Auth Set    │
      │    Get Label                    │
      │    Copy Set                     │
      │    Copy Card                    │
      └─────────────────────────────────┘
      """

  @LC-02
  Scenario Outline: <entry> opens what its name says
    Given it has been activated at the console
    When somebody chooses "<entry>" at the console
    Then the console shows "<title>"
    And the console shows "<content>"
    And the screen has 25 rows of at most 80 columns

    Examples:
      | entry             | title                      | content                        |
      | About             | ┤ About ├                  | Serial Number                  |
      | Monitor           | ┤ Monitor ├                | Sessions                       |
      | Remote Management | ┤ RM (press ESC to exit) ├ | ready to process               |
      | Configuration     | ┤ Configuration ├          | Database Reset                 |
      | Partition         | ┤ Partition ├              | Partition Authorization        |
      | Self Test         | ┤ Self Test ├              | SHA-256                        |
      | Lock Console      | Please, enter start PIN    | OK                             |
      | Power Off         | ┤ Power Off ├              | Restart                        |

  @LC-02 @OP-03
  Scenario: Power Off switches off
    Given it has been activated at the console
    When somebody chooses "Power Off" > "Power Off" at the console
    And 60 s pass
    Then the HSM is off
    And the log says "device stops" 1 time

  @LC-02 @OP-02
  Scenario: Restart comes back and waits for the set
    Given it has been activated at the console
    When somebody chooses "Power Off" > "Restart" at the console
    And the HSM has started
    Then the HSM is not activated
    And the console shows "Please, enter start PIN"

  @LC-05
  Scenario: A locked console takes the set and nothing else
    Given it has been activated at the console
    When somebody chooses "Lock Console" at the console
    Then the console shows "Please, enter start PIN"
    And the HSM is activated
    When somebody presses Esc
    And somebody presses the key Tab
    Then the console does not show "Main"
    When somebody types the PIN of Ana with the card in the local reader
    Then the console shows "Please, enter next start PIN"
    When somebody types the PIN of Ana with the card in the local reader
    Then the console shows "this card, or a copy of it, has counted already"
    When somebody presses Enter
    And somebody types the PIN of Carla with the card in the local reader
    Then the console shows "┤ Main ├"
    And the log says "console unlocked" 1 time

  @LC-05
  Scenario: Neither a set of another key nor a partition set unlocks
    Given it has been activated at the console
    And Davi and Eva hold the whole of a 2-of-2 set of another key
    And Fabio and Gil hold the whole of a 2-of-2 partition set
    When somebody chooses "Lock Console" at the console
    And somebody types the PIN of Davi with the card in the local reader
    Then the console shows "the card belongs to another set"
    When somebody presses Enter
    And somebody types the PIN of Fabio with the card in the local reader
    Then the console shows "the card belongs to a set for another purpose"
    And the log does not say "console unlocked"

  @LF-01 @LF-02 @LF-03
  Scenario: The start PIN, and the next, before there is a main menu
    Then the console shows:
      """
      ┌───┤ Please, enter start PIN ├───┐
      │                                 │
      │                                 │
      │       PIN  _________            │
      │                                 │
      │                                 │
      │                                 │
      │             ┌────┐              │
      │             │ OK │              │
      │             └────┘              │
      │                                 │
      └─────────────────────────────────┘
      """
    When somebody types "12345"
    Then the console shows "PIN  *****____"
    And the console does not show "12345"
    When somebody presses the key Backspace
    Then the console shows "PIN  ****_____"
    When somebody presses Esc
    Then the console shows "PIN  _________"
    When somebody types the PIN of Ana with the card in the local reader
    Then the console shows "Please, enter next start PIN"
    And the console does not show "Main"
    When somebody types the PIN of Bruno with the card in the local reader
    Then the console shows "┤ Main ├"
    And the HSM is activated
