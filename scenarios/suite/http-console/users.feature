Feature: Users of the HTTP console
  Who gets in, who does not any more, and when somebody is put out. The pages are around this: they ask the same of the
  device.

  Background:
    Given an HSM ready for remote management
    When Ana connects, authenticates and hangs up
    And Bruno connects and authenticates

  @HC-01
  Scenario: Nothing is told without a login, and the service's end is everybody's
    When Carla, a user, asks who is logged in
    Then Carla, a user, is told "wrong_state"
    When Carla logs in as "master" with the password "12345678"
    And Carla, a user, asks who is logged in
    Then Carla, a user, is told "logged in as master"
    When Bruno asks the HSM to stop the service
    Then Carla, a user, is told "logged out"
    When Carla, a user, asks who is logged in
    Then Carla, a user, is told "wrong_state"
    When Carla logs in as "master" with the password "12345678"
    Then Carla, a user, is told "service_not_started"
    When Bruno asks the HSM to start the service
    And Carla logs in as "master" with the password "12345678"
    Then Carla, a user, is told "logged in"

  @HC-02
  Scenario: A user other than master is blocked by the seventh wrong password, and for good
    When Carla logs in as "master" with the password "12345678"
    And Carla creates the user "dora" with the password "a password" and the permissions 0
    And Dora logs in as "dora" with the password "wrong"
    And Dora logs in as "dora" with the password "wrong"
    And Dora logs in as "dora" with the password "wrong"
    And Dora logs in as "dora" with the password "wrong"
    And Dora logs in as "dora" with the password "wrong"
    And Dora logs in as "dora" with the password "wrong"
    Then the log does not say "user dora blocked"
    When Dora logs in as "dora" with the password "wrong"
    Then the log says "user dora blocked" 1 time
    When Bruno asks the HSM to stop the service
    And Bruno asks the HSM to start the service
    And Dora logs in as "dora" with the password "a password"
    Then Dora, a user, is told "user_blocked"
    When Carla logs in as "master" with the password "12345678"
    And Carla unblocks the user "dora"
    And Dora logs in as "dora" with the password "a password"
    Then Dora, a user, is told "logged in"

  @HC-02
  Scenario: Five minutes after a login that nothing follows end the session
    When Carla logs in as "master" with the password "12345678"
    And 300 s pass
    Then Carla, a user, is told "logged out"

  @HC-02
  Scenario: Five minutes without a request end a session
    When Carla logs in as "master" with the password "12345678"
    And 299.999 s pass
    And Carla, a user, asks who is logged in
    Then Carla, a user, is told "logged in as master"
    When 299.999 s pass
    And Carla, a user, asks who is logged in
    Then Carla, a user, is told "logged in as master"
    When 300 s pass
    Then Carla, a user, is told "logged out"
    When Carla, a user, asks who is logged in
    Then Carla, a user, is told "wrong_state"
