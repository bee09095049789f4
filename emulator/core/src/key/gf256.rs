//! The field with 256 elements of FIPS 197 (AES), section 4. Constant time: no table, no branch on a value.

/// The product of two elements.
pub(crate) const fn multiply(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    let mut bit = 0;
    while bit < 8 {
        product ^= a & 0_u8.wrapping_sub((b >> bit) & 1);
        let carry = 0_u8.wrapping_sub(a >> 7);
        a = (a << 1) ^ (0x1B & carry);
        bit += 1;
    }
    product
}

/// The inverse of an element; 0 for 0.
pub(crate) const fn invert(a: u8) -> u8 {
    // a^254, since a^255 is 1 for every element but 0.
    let mut power = a;
    let mut result = 1;
    let mut bit = 1;
    while bit < 8 {
        power = multiply(power, power);
        result = multiply(result, power);
        bit += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_as_fips_197_says() {
        // FIPS 197, sections 4.2 and 4.2.1.
        assert_eq!(multiply(0x57, 0x83), 0xC1);
        assert_eq!(multiply(0x57, 0x13), 0xFE);
        assert_eq!(multiply(0x57, 0x02), 0xAE);
    }

    #[test]
    fn every_element_but_zero_has_an_inverse() {
        assert_eq!(invert(0), 0);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1, "{a}");
        }
    }
}
