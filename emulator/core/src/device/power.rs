//! The device from its start to its stop: the two sequences, activation and the service. Which state follows which is
//! `life_cycle.rs`.

use machine::Cx;
use protocol::ServiceState;

use super::{Device, Output, Promise, RemoteManagement, counters, objects, pocket};
use crate::{Change, Event, LastStop, LifeCycle, ServerMasterKey, StartedAfter, Where, console::Console};

impl Device {
    pub(super) fn switch_on(&mut self, cx: &Cx<'_>) {
        self.state.on_switch_on().expect("the device is off");
        if !self.stored.switched_on {
            self.commit(vec![Change::SwitchedOn(true)], Promise::Nothing);
        }
        self.start(cx);
    }

    pub(super) fn start(&mut self, cx: &Cx<'_>) {
        //= LG-01
        self.next_event = 0;
        self.counters = counters::Counters::default();
        // A device that is bound to no key has nobody who could have armed it, but the Pocket always is.
        let is_bound = self.stored.binding.is_some();
        //= PK-01
        let enabled = !self.profile.has_console() || (self.stored.remote_management && is_bound);
        self.remote_management = if enabled {
            RemoteManagement::Enabled
        } else {
            RemoteManagement::Disabled
        };
        self.power_sequence.set(cx.now + self.profile.limits.start);
    }

    pub(super) fn on_started(&mut self, cx: &Cx<'_>) {
        //= LF-01
        let is_bound = self.stored.binding.is_some();
        let started = if is_bound {
            self.state.on_started()
        } else {
            self.state.on_started_unbound()
        };
        started.expect("the start sequence was running");
        self.started_at = cx.now;
        let after: StartedAfter = self.stored.last_stop;
        self.tell(cx, Event::Started { after });
        // From here on, a cut leaves this in the store: nothing else will have been written.
        self.commit(vec![Change::LastStop(LastStop::PowerCut)], Promise::Nothing);
        self.run_self_test(cx);
        //= PK-03
        self.begin_wait_anew(cx);
        self.show_first_screen();
        self.declare_unfinished_cards(cx);
        self.update_listening();
    }

    /// What the console shows before anybody has done anything at it.
    pub(super) fn show_first_screen(&mut self) {
        self.console = match self.state {
            LifeCycle::FirstBoot => Console::first_boot(),
            LifeCycle::Off
            | LifeCycle::Starting
            | LifeCycle::Stopping
            | LifeCycle::Waiting
            //= LC-05
            | LifeCycle::StoppedLocked
            | LifeCycle::RunningLocked => Console::start_pin(),
            LifeCycle::Stopped | LifeCycle::Running => Console::main_menu(),
        };
    }

    pub(super) fn stop(&mut self, cx: &Cx<'_>, stop: LastStop) {
        let was_running = self.service() == ServiceState::Running;
        self.state
            .on_stop()
            .expect("a stop is accepted only while the device is on");
        self.stopping = stop;
        self.tell(cx, Event::Stopping(stop));
        //= OP-02
        //= AU-18
        self.key = None;
        self.forget_users();
        self.ceremony = None;
        self.interval.cancel();
        self.abandon_local_activation(cx);
        self.abandon_smart_cards(cx);
        if was_running {
            self.on_service_stopped(cx);
        }
        // Passwords that are on their way come to nothing; what was counted against them is durable.
        self.errands.clear();
        self.objects = objects::Objects::default();
        self.promises.retain(|(_, promise)| match promise {
            Promise::Pocket(_) | Promise::User(_) | Promise::Bind(_) | Promise::SmartCards => false,
            Promise::Nothing
            | Promise::Enable
            | Promise::Disable { .. }
            | Promise::Local { .. }
            | Promise::Operation { .. }
            | Promise::LiveSync { .. }
            | Promise::Stop { .. } => true,
        });
        self.pocket = pocket::Pocket::default();
        for event in self.denials.take_all() {
            self.tell(cx, event);
        }
        self.power_sequence.set(cx.now + self.profile.limits.stop);
    }

    pub(super) fn on_stopped(&mut self, cx: &Cx<'_>) {
        self.outputs.push_back(Output::NetworkDown);
        self.listening = false;
        self.manager = None;
        if let Some(operation) = self.finishing.take() {
            self.tell(cx, Event::OperationDone(operation));
        }
        self.tell(cx, Event::Off);
        if self.stopping.restarts() {
            self.state.on_restart().expect("the stop sequence was running");
            self.start(cx);
        } else {
            self.state
                .on_switched_off()
                .expect("the stop sequence was running");
        }
    }

    /// Whether a stop was accepted and waits for the disk.
    pub(super) fn is_stop_promised(&self) -> bool {
        self.promises.iter().any(|(_, promise)| match promise {
            Promise::Stop { .. } => true,
            Promise::Nothing
            | Promise::Enable
            | Promise::Bind(_)
            | Promise::Disable { .. }
            | Promise::Local { .. }
            | Promise::Operation { .. }
            | Promise::SmartCards
            | Promise::Pocket(_)
            | Promise::LiveSync { .. }
            | Promise::User(_) => false,
        })
    }

    pub(super) fn set_service(&mut self, cx: &Cx<'_>, service: ServiceState) {
        if self.service() == service {
            return;
        }
        match service {
            ServiceState::Running => {
                self.state
                    .on_service_started()
                    .expect("an activated device has a service");
                self.live_sync.on_service_started();
                self.tell(cx, Event::ServiceStarted);
                //= HD-02
                self.notify_header();
            }
            ServiceState::Stopped => {
                self.state.on_service_stopped().expect("it runs");
                self.on_service_stopped(cx);
            }
        }
    }

    //= OP-01
    pub(super) fn on_service_stopped(&mut self, cx: &Cx<'_>) {
        self.tell(cx, Event::ServiceStopped);
        self.log_everybody_out(cx);
        //= HD-02
        self.notify_header();
    }

    pub(super) fn activate(&mut self, cx: &Cx<'_>, key: ServerMasterKey, at: Where) {
        self.state.on_activated().expect("the device waited for its key");
        self.key = Some(key);
        self.tell(cx, Event::Activated(at));
        self.know_users(cx);
        //= LF-08
        //= LC-06
        if self.profile.service_starts_after_activation && self.last_self_test.passed {
            self.set_service(cx, ServiceState::Running);
        }
        self.update_listening();
    }
}
