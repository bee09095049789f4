Feature: What anyone may read
  Header, information and network settings are there for every manager, with or without cards.

  @HD-01
  Scenario Outline: The header of a <model>, right after connecting
    Given a <model> HSM ready for remote management
    When Ana connects
    Then Ana sees "service" in the header as "running"
    And Ana sees "model" in the header as "<model>"
    And Ana sees "serial" in the header as "<serial>"
    And Ana sees "firmware" in the header as "5.0.22.0"
    And Ana sees "ip" in the header as "192.0.2.10"
    And Ana sees "mode" in the header as "NRM"
    And Ana has sent 0 lines

    Examples:
      | model | serial     |
      | CD    | TCD0000001 |
      | XP    | TXP0000001 |
      | ST    | TST0000001 |

  @HD-01 @LF-07
  Scenario: The header of an HSM that waits for its custodians
    Given an HSM that waits for its custodians
    When Ana connects
    Then Ana sees "service" in the header as "stopped"
    When Ana asks for the header
    Then Ana reads "service" as "stopped"

  @HD-02
  Scenario: The header follows the service
    Given an HSM ready for remote management
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Bruno asks the HSM to stop the service
    Then Bruno sees "service" in the header as "stopped"
    And the console shows "Service stopped"
    When Bruno asks the HSM to stop the service
    Then Bruno is refused with service_not_started
    When Bruno asks the HSM to start the service
    Then Bruno sees "service" in the header as "running"
    And the console shows "Service running..."
    When Bruno asks the HSM to start the service
    Then Bruno is refused with service_already_started

  @HD-02 @AU-15
  Scenario: The header follows a remote activation
    Given an HSM that waits for its custodians
    When Ana connects and authenticates
    Then Ana sees "service" in the header as "stopped"
    When Ana authenticates with the card of Bruno
    Then Ana sees "service" in the header as "running"
    And Ana is the administrator

  @NW-01 @NW-02
  Scenario Outline: The network settings of a <model>
    Given a <model> HSM ready for remote management
    When Ana connects
    And Ana asks for the network settings
    Then Ana reads "interfaces.0.name" as "Interface 1"
    And Ana reads "interfaces.0.ip" as "192.0.2.10"
    And Ana reads "interfaces.0.mask" as "255.255.255.0"
    And Ana reads "interfaces.0.up" as "true"
    And Ana reads "interfaces.1.name" as "Interface 2"
    And Ana reads "interfaces.1.up" as "false"
    And Ana reads a value for "interfaces.0.mac"
    And Ana reads a value for "interfaces.0.speed"
    And Ana reads "gateway" as "192.0.2.1"
    And Ana reads "dns.0" as "192.0.2.53"
    And Ana reads "ntp.0" as "192.0.2.123"

    Examples:
      | model |
      | CD    |
      | XP    |
      | ST    |

  @NW-01
  Scenario: The network settings of an HSM that waits for its custodians
    Given an HSM that waits for its custodians
    When Ana connects
    And Ana asks for the network settings
    Then Ana reads "interfaces.0.ip" as "192.0.2.10"

  @NW-02
  Scenario: Nobody can change them remotely, not even the administrator
    Given an HSM ready for remote management
    When a polite newcomer connects
    And the newcomer types:
      """
      {"jsonrpc":"2.0","id":1,"method":"network.set","params":{"gateway":"192.0.2.2"}}
      """
    Then the newcomer hears "not_authenticated"
    When the newcomer types:
      """
      {"jsonrpc":"2.0","id":2,"method":"network.get"}
      """
    Then the newcomer hears "192.0.2.1\""

  @IN-01
  Scenario Outline: The information of a <model>
    Given a <model> HSM ready for remote management
    When Ana connects
    And 61.5 s pass
    And Ana asks for the information
    Then Ana reads "model" as "<model>"
    And Ana reads "serial" as "<serial>"
    And Ana reads "firmware" as "5.0.22.0"
    And Ana reads "hardware" as "Dinamo <model> (emulated)"
    And Ana reads "mode" as "NRM"
    And Ana reads "service" as "running"
    And Ana reads "activated" as "true"
    And Ana reads "uptime_secs" as "63"
    And Ana reads "date_time" as "2026/01/01 00:01:23"
    And Ana reads "users" as "1"
    And Ana reads "objects" as "0"
    And Ana reads a value for "database_bytes"
    And Ana reads a value for "free_bytes"
    And Ana reads "tampered" as "false"
    And Ana reads "replication_domain" as "null"
    And Ana reads "last_self_test.passed" as "true"
    And Ana reads "last_self_test.date_time" as "2026/01/01 00:00:20"

    Examples:
      | model | serial     |
      | CD    | TCD0000001 |
      | XP    | TXP0000001 |
      | ST    | TST0000001 |

  @IN-01 @RM-24
  Scenario: Uptime is not moved by the calendar
    Given an HSM ready for remote management
    When Ana connects
    And the calendar of the HSM is set forward by 1 day
    And Ana asks for the information
    Then Ana reads "uptime_secs" as "2"
    And Ana reads "date_time" as "2026/01/02 00:00:22"

  @IN-01
  Scenario: The information of an HSM that waits for its custodians
    Given an HSM that waits for its custodians
    When Ana connects
    And Ana asks for the information
    Then Ana reads "activated" as "false"
    And Ana reads "service" as "stopped"

  @IN-01
  Scenario: Nobody can edit it
    Given an HSM ready for remote management
    When a polite newcomer connects
    And the newcomer types:
      """
      {"jsonrpc":"2.0","id":1,"method":"device.info","params":{"serial":"TXP0000002"}}
      """
    Then the newcomer hears "TXP0000001"

  @LF-07
  Scenario: The address of the HTTP console
    Given an HSM ready for remote management
    When Ana connects
    And Ana asks for the address of the HTTP console
    Then Ana reads "url" as "https://192.0.2.10/"

  @LF-07
  Scenario Outline: An HSM that waits for its custodians refuses to <operation>
    Given an HSM that waits for its custodians
    When Ana connects
    And Ana asks the HSM to <operation>
    Then Ana is refused with not_authenticated
    When Ana asks for the address of the HTTP console
    Then Ana is refused with wrong_state

    Examples:
      | operation         |
      | stop the service  |
      | start the service |
      | restart           |
      | switch off        |
