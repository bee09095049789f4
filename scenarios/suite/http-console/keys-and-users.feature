Feature: Keys and users at the HTTP console
  What a user does with the keys of the own partition, and what an operator does with users. The pages ask the device for
  nothing else.

  Background:
    Given an HSM ready for remote management
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates
    And Carla logs in as "master" with the password "12345678"
    And Carla creates the user "dora" with the password "a password" and the permissions 0
    And Dora logs in as "dora" with the password "a password"

  @HC-01
  Scenario: A key is made, seen, labelled, blocked, released and removed
    When Dora lists the keys
    Then Dora, a user, is told ""
    When Dora creates the key "k1" with the label "the first"
    Then Dora, a user, is told "done"
    When Dora creates the key "k1" with the label "again"
    Then Dora, a user, is told "object_exists"
    When Dora lists the keys
    Then Dora, a user, is told "k1"
    When Dora keeps the key "k1" in the device for ever and labels it "second"
    Then Dora, a user, is told "done"
    When Dora lets the key "k1" leave the device and labels it "third"
    Then Dora, a user, is told "invalid_value"
    When Dora blocks the key "k1"
    And Dora keeps the key "k1" in the device for ever and labels it "third"
    Then Dora, a user, is told "object_blocked"
    When Dora releases the key "k1"
    And Dora keeps the key "k1" in the device for ever and labels it "third"
    Then Dora, a user, is told "done"
    When Dora removes the key "k1"
    And Dora looks at the key "k1"
    Then Dora, a user, is told "object_not_found"

  @HC-01
  Scenario: A key outlives the service and the cable, and nobody makes one without a login
    When Dora creates the key "k1" with the label ""
    And Dora blocks the key "k1"
    And Bruno asks the HSM to stop the service
    And Dora lists the keys
    Then Dora, a user, is told "wrong_state"
    When Bruno asks the HSM to start the service
    And Dora logs in as "dora" with the password "a password"
    And Dora lists the keys
    Then Dora, a user, is told "k1"
    When Dora keeps the key "k1" in the device for ever and labels it ""
    Then Dora, a user, is told "object_blocked"

  @HC-01
  Scenario: An operator does not see another's keys
    When Dora creates the key "k1" with the label ""
    And Carla lists the keys
    Then Carla, a user, is told ""
    When Carla looks at the key "k1"
    Then Carla, a user, is told "object_not_found"

  @HC-01 @sim-only
  Scenario: An operator asks in vain for a key of another's partition
    Simulation only: the HTTP console has no page of another's partition, and nobody can ask there

    When Dora creates the key "k1" with the label ""
    And Carla looks at the key "k1" of the user "dora"
    Then Carla, a user, is told "not_permitted"

  @HC-02
  Scenario: An operator blocks a user by hand, and lets the user in again
    When Carla blocks the user "dora"
    Then Carla, a user, is told "done"
    And the log says "user dora blocked" 1 time
    When Bruno asks the HSM to stop the service
    And Bruno asks the HSM to start the service
    And Dora logs in as "dora" with the password "a password"
    Then Dora, a user, is told "user_blocked"
    When Carla logs in as "master" with the password "12345678"
    And Carla unblocks the user "dora"
    And Dora logs in as "dora" with the password "a password"
    Then Dora, a user, is told "logged in"

  @HC-02
  Scenario: Who lists users, changes permissions and blocks is an operator, or is permitted
    When Dora lists the users
    Then Dora, a user, is told "not_permitted"
    When Dora looks at the user "master"
    Then Dora, a user, is told "not_permitted"
    When Carla gives the user "dora" the permissions 64
    And Dora lists the users
    Then Dora, a user, is told "dora, master"
    When Dora looks at the user "master"
    Then Dora, a user, is told "master"
    When Dora gives the user "dora" the permissions 128
    Then Dora, a user, is told "not_permitted"
    When Dora blocks the user "master"
    Then Dora, a user, is told "not_permitted"
    When Carla gives the user "master" the permissions 0
    Then Carla, a user, is told "cannot_remove_master"
    When Carla gives the user "dora" the permissions 0
    And Dora lists the users
    Then Dora, a user, is told "not_permitted"
