Feature: What the console tells
  About, Monitor and Self Test: pages that only tell what is so.

  Background:
    Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
    And it has been activated at the console

  @LC-02
  Scenario: About
    When somebody chooses "About" at the console
    Then the console shows "Model                : XP"
    And the console shows "Serial Number        : TXP0000001"
    And the console shows "Operating Mode       : NRM"
    And the console shows "Tampered             : no"
    And the console shows "Interface 1          : 192.0.2.10 / 255.255.255.0"
    And the console does not show "Last Self Test"
    When somebody presses the key Down 9 times
    Then the console shows "Last Self Test       : passed"
    And the console does not show "Model                :"
    When somebody presses Enter
    Then the menu has "About" selected

  @LC-02
  Scenario: The monitor counts what happens while it is looked at
    When Davi logs in as "master" with the password "wrong"
    And somebody chooses "Monitor" > "Sessions" at the console
    Then the console shows "User Sessions        : 0"
    And the console shows "Logins Refused       : 1"
    And the console shows "Managers Denied      : 0"
    When Ana connects
    Then Ana is denied with not_armed
    And the console shows "Managers Denied      : 1"
    When Davi logs in as "master" with the password "12345678"
    Then the console shows "User Sessions        : 1"
    And the console shows "User Logins          : 1"

  @LC-02
  Scenario: The monitor shows the database and the device
    When somebody chooses "Monitor" > "Database" at the console
    Then the console shows "Users                : 1"
    And the console shows "Objects              : 0"
    When somebody presses Enter
    And somebody chooses "Monitor" > "System" at the console
    Then the console shows "Activated            : yes"
    And the console shows "Uptime               : 0 d 00:00:02"
    When 90 minutes pass
    And somebody presses the key Down
    Then the console shows "Uptime               : 0 d 01:30:02"

  @LC-06
  Scenario: Every algorithm gives its known answer
    When somebody chooses "Self Test" at the console
    Then the console shows:
      """
      SHA-256        : passed  (FIPS 180-2, B.1)
      HMAC-SHA-256   : passed  (RFC 4231, 4.3)
      AES-256-GCM    : passed  (McGrew and Viega, test case 14)
      Argon2id       : passed  (libargon2 20171227)
      GF(256)        : passed  (FIPS 197, 4.2)
      Secret sharing : passed  (Shamir 1979, by hand)
      """
    And the console shows "Every algorithm gave its known answer."
    And the console shows "Service running..."
    And the log says "self test passed" 2 times

  @LC-06
  Scenario Outline: A wrong answer of <algorithm> is shown, logged, and stops the service
    Given the HSM computes "<algorithm>" wrong from now on
    Then the console shows "Service running..."
    When somebody chooses "Self Test" at the console
    Then the console shows "FAILED"
    And the console shows "Service stopped"
    And the log says "self test of <algorithm> FAILED" 1 time
    And the log says "self test FAILED" 1 time
    And the log says "service stopped" 1 time
    When somebody presses Enter
    And somebody chooses "Start Service" at the console
    Then the console shows "the last self test failed"
    And the console shows "Service stopped"

    Examples:
      | algorithm      |
      | SHA-256        |
      | HMAC-SHA-256   |
      | AES-256-GCM    |
      | Argon2id       |
      | GF(256)        |
      | Secret sharing |

  @LC-06
  Scenario: The service starts again once a self test has passed
    Given the HSM computes "AES-256-GCM" wrong from now on
    When somebody chooses "Self Test" at the console
    Then the console shows "Service stopped"
    Given the HSM computes everything right again
    When somebody chooses "Self Test" at the console
    Then the console shows "Every algorithm gave its known answer."
    When somebody chooses "Start Service" at the console
    Then the console shows "Service running..."

  @LC-06 @LF-08
  Scenario: A self test that fails at the start keeps the service from starting
    Given the HSM computes "SHA-256" wrong from now on
    When somebody chooses "Power Off" > "Restart" at the console
    And the HSM has started
    Then the log says "self test FAILED" 1 time
    When somebody types the PIN of Ana with the card in the local reader
    And somebody types the PIN of Bruno with the card in the local reader
    Then the HSM is activated
    And the console shows "Service stopped"
