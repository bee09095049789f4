//! The dialog in which an activation password is typed, line after line, without echo. Compares what is typed twice; sends
//! nothing.

use protocol::{
    ACTIVATION_PASSWORD_CHARACTERS_MAX, ACTIVATION_PASSWORD_CHARACTERS_MIN, ActivationPassword,
    ManagerRequest,
};

use crate::entry::Entry;

/// What an activation password is typed for. Source: PK-02.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be the administrator.
    Activate,
    /// To set the first one, of a device out of the factory.
    SetFirst,
    /// To set another one.
    Change,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// The password that the device has.
    Known,
    New,
    /// The new one again, since nobody sees what is typed.
    Again,
}

impl Purpose {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Activate => "Type the activation password",
            Self::SetFirst => "Set the first activation password",
            Self::Change => "Change the activation password",
        }
    }

    const fn lines(self) -> &'static [Line] {
        match self {
            Self::Activate => &[Line::Known],
            Self::SetFirst => &[Line::New, Line::Again],
            Self::Change => &[Line::Known, Line::New, Line::Again],
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::Activate => "Type the activation password. It is not shown.",
            Self::SetFirst => {
                "For a device out of the factory. Any other compares what is typed with the password that it has."
            }
            Self::Change => "Type the password so far, then the new one twice. They are not shown.",
        }
    }
}

/// An activation password on its way from the keys to a request.
#[derive(Clone, Debug)]
pub(crate) struct PasswordForm {
    pub(crate) purpose: Purpose,
    /// The lines that are done.
    typed: Vec<Entry>,
    entry: Entry,
    trouble: Option<String>,
}

impl PasswordForm {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            typed: Vec::new(),
            entry: Entry::secret(),
            trouble: None,
        }
    }

    pub(crate) const fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(crate) const fn entry_mut(&mut self) -> &mut Entry {
        &mut self.entry
    }

    /// What the line is for.
    pub(crate) fn label(&self) -> &'static str {
        match self.line() {
            Line::Known => "Password:",
            Line::New => "New password:",
            Line::Again => "New one again:",
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let explanation = self.purpose.explanation().to_owned();
        self.trouble.iter().cloned().chain([explanation]).collect()
    }

    /// The line is done: the request, if that was the last one.
    pub(crate) fn finish_line(&mut self) -> Option<ManagerRequest> {
        let line = self.line();
        let entry = core::mem::replace(&mut self.entry, Entry::secret());
        self.trouble = match line {
            Line::Known if entry.text().is_empty() => Some("Nothing was typed.".into()),
            Line::New if !ActivationPassword::from(entry.text()).has_permitted_length() => Some(format!(
                "A new password has {ACTIVATION_PASSWORD_CHARACTERS_MIN} to {ACTIVATION_PASSWORD_CHARACTERS_MAX} \
                 characters."
            )),
            Line::Again if Some(&entry) != self.typed.last() => {
                self.typed.pop();
                Some("The two are not the same. Type the new password once more.".into())
            }
            Line::Known | Line::New | Line::Again => {
                self.typed.push(entry);
                None
            }
        };
        (self.typed.len() == self.purpose.lines().len()).then(|| self.request())
    }

    fn line(&self) -> Line {
        let lines = self.purpose.lines();
        lines[self.typed.len().min(lines.len() - 1)]
    }

    fn request(&self) -> ManagerRequest {
        let password = |line: usize| ActivationPassword::from(self.typed[line].text());
        match self.purpose {
            Purpose::Activate | Purpose::SetFirst => ManagerRequest::Activate {
                password: password(0),
            },
            Purpose::Change => ManagerRequest::ChangePassword {
                old: password(0),
                new: password(1),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(form: &mut PasswordForm, text: &str) -> Option<ManagerRequest> {
        text.chars()
            .for_each(|character| form.entry_mut().push(character));
        form.finish_line()
    }

    //= PK-02
    #[test]
    fn a_new_password_is_typed_twice_and_has_8_to_64_characters() {
        let longest = "🔑".repeat(64);
        for (text, is_taken) in [
            ("sesame0", false),
            ("sesame00", true),
            (&longest, true),
            (&"x".repeat(65), false),
        ] {
            let mut form = PasswordForm::new(Purpose::SetFirst);
            assert_eq!(finish(&mut form, text), None);
            assert_eq!(form.label() == "New one again:", is_taken, "{text}");
            assert_eq!(finish(&mut form, text).is_some(), is_taken, "{text}");
        }
        let mut form = PasswordForm::new(Purpose::Change);
        assert_eq!(finish(&mut form, ""), None);
        assert_eq!(form.label(), "Password:");
        assert_eq!(finish(&mut form, "old"), None);
        assert_eq!(finish(&mut form, "sesame00"), None);
        assert_eq!(finish(&mut form, "sesame01"), None);
        assert_eq!(form.label(), "New password:", "both are typed again");
        assert_eq!(finish(&mut form, "sesame00"), None);
        let change = ManagerRequest::ChangePassword {
            old: "old".into(),
            new: "sesame00".into(),
        };
        assert_eq!(finish(&mut form, "sesame00"), Some(change));
        assert!(!format!("{form:?}").contains("sesame"));
    }
}
