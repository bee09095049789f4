Feature: Database live sync
  One HSM takes the whole database of another while that one runs. Nothing is sent before both have proved that they
  have the same Server Master Key, and nothing is changed before everything has come.

  Rule: Between two HSMs

    Background:
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      And the node "192.0.2.200" has been put on the list at the console
      And remote management has been enabled at the console
      And Ana connects, authenticates and hangs up
      And Bruno connects and authenticates

    @OP-05 @LS-02
    Scenario: The database of the other comes over while it runs
      Given another HSM at "192.0.2.200" with 3000 objects
      When Bruno takes the database of the first node
      And 5 s pass
      Then Bruno reads "objects" as "3000"
      And Bruno has seen progress
      And the HSM has 3000 objects
      And the database is that of the HSM at "192.0.2.200"
      And the log says "live sync from 192.0.2.200 done: 3000 objects"
      And the log says "operation done: live sync"
      And the log of the HSM at "192.0.2.200" says "done: 3000 objects"

    @OP-05 @LS-02
    Scenario: What was there before is gone, and an empty database comes over like a full one
      Given another HSM at "192.0.2.200" with 500 objects
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then the HSM has 500 objects
      Given another HSM at "192.0.2.201" with 0 objects
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then the database is that of the HSM at "192.0.2.200"

    @LS-02
    Scenario: Network settings and the binding stay
      Given another HSM at "192.0.2.200" with 1 object
      When Bruno asks for the network settings
      Then Bruno reads "gateway" as "192.0.2.1"
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then the HSM has 1 object
      When Bruno asks for the network settings
      Then Bruno reads "gateway" as "192.0.2.1"
      And the console shows "active manager"

    @OP-05 @LS-02
    Scenario: A user who is logged in is put out with the old database
      Given another HSM at "192.0.2.200" with 10 objects
      When Carla logs in as "master" with the password "12345678"
      Then Carla, a user, is told "logged in"
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then Carla, a user, is told "logged out"
      When Carla logs in as "node" with the password "12345678"
      Then Carla, a user, is told "logged in"

    @LS-01
    Scenario: Not while the service is stopped
      Given another HSM at "192.0.2.200" with 10 objects
      When Bruno asks the HSM to stop the service
      And Bruno takes the database of "192.0.2.200"
      Then Bruno is refused with service_not_started

    @LS-01
    Scenario: Not from a node that is not in the list
      When Bruno takes the database of "192.0.2.99"
      Then Bruno is refused with sync_undefined

    @LS-01
    Scenario: Not after a client has connected, until the service was stopped and started
      Given another HSM at "192.0.2.200" with 10 objects
      When a client-session newcomer connects
      And Bruno takes the database of "192.0.2.200"
      Then Bruno is refused with sync_clients_connected
      When Bruno asks the HSM to stop the service
      And Bruno asks the HSM to start the service
      And Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then the HSM has 10 objects

    @LS-01
    Scenario: Not from itself, whatever address it has
      Given "192.0.2.200" leads to the HSM itself
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then Bruno is refused with sync_self
      And the HSM has 0 objects

    @LS-01
    Scenario: Not with another Server Master Key
      Given another HSM at "192.0.2.200" of another set with 10 objects
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then Bruno is refused with svmk_mismatch
      And the HSM has 0 objects
      And the log says "live sync from 192.0.2.200 failed: svmk_mismatch"
      And the log of the HSM at "192.0.2.200" says "svmk_mismatch"

    @LS-01
    Scenario: Not in another operating mode
      Given another HSM at "192.0.2.200" in mode RM1 with 10 objects
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then Bruno is refused with sync_failed
      And Bruno is refused for the reason "mode_mismatch"
      And the HSM has 0 objects
      And the log of the HSM at "192.0.2.200" says "mode_mismatch"

    @LS-01
    Scenario: Not from a node whose service is stopped
      Given another HSM at "192.0.2.200" with 10 objects
      And the service of the HSM at "192.0.2.200" is stopped
      When Bruno takes the database of "192.0.2.200"
      And 5 s pass
      Then Bruno is refused with sync_failed
      And Bruno is refused for the reason "node_service_not_started"

    @LS-01
    Scenario: Not from a node that is not there
      When Bruno takes the database of "192.0.2.200"
      Then Bruno is refused with sync_failed
      And Bruno is refused for the reason "node_unreachable"
      And the HSM has 0 objects

    @LS-03 @OP-11
    Scenario: A node that falls silent is waited for, and then given up
      Given another HSM at "192.0.2.200" with 10 objects
      And the power of the HSM at "192.0.2.200" is cut
      When Bruno takes the database of "192.0.2.200"
      And 31 s pass
      Then Bruno is refused with sync_failed

    @LS-03
    Scenario: The cable is cut anywhere
      Given another HSM at "192.0.2.200" with 1200 objects
      Then the cable is cut at every message while Bruno takes the database of "192.0.2.200"

    @LS-03
    Scenario: The power of the HSM is cut anywhere
      Given another HSM at "192.0.2.200" with 1200 objects
      Then the power of the HSM is cut at every message while Bruno takes the database of "192.0.2.200"

    @LS-03
    Scenario: The power of the other HSM is cut anywhere
      Given another HSM at "192.0.2.200" with 1200 objects
      Then the power of the other HSM is cut at every message while Bruno takes the database of "192.0.2.200"

  Rule: Among three HSMs

    @OP-05 @LS-02
    Scenario: One after the other
      Given an XP HSM with a 2-of-3 set of cards held by Ana, Bruno and Carla
      And it has been activated at the console
      And the node "192.0.2.200" has been put on the list at the console
      And the node "192.0.2.201" has been put on the list at the console
      And remote management has been enabled at the console
      And another HSM at "192.0.2.200" with 20 objects
      And another HSM at "192.0.2.201" with 30 objects
      And Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      When Bruno takes the database of "192.0.2.201"
      And 5 s pass
      Then the HSM has 30 objects
      And the database is that of the HSM at "192.0.2.201"

    @LS-01
    Scenario: Without a node in the list
      Given an HSM ready for remote management
      And another HSM at "192.0.2.200" with 20 objects
      When Ana connects, authenticates and hangs up
      And Bruno connects and authenticates
      And Bruno takes the database of the first node
      Then Bruno is refused with sync_undefined
