// Numbers of the mechanisms and key types that the rule `* vendor-sm` adds: SM2 and SM4
// as a token of some vendor would offer them.

#ifndef KMS_TESTS_PKCS11_FAULT_MODULE_VENDOR_SM_H_
#define KMS_TESTS_PKCS11_FAULT_MODULE_VENDOR_SM_H_

#include <p11-kit/pkcs11.h>

namespace kms::fault {

inline constexpr CK_MECHANISM_TYPE kVendorBase = CKM_VENDOR_DEFINED | 0x4B4D5300UL;

// Makes a CKK_VENDOR_SM4 key of 16 bytes.
inline constexpr CK_MECHANISM_TYPE CKM_VENDOR_SM4_KEY_GEN = kVendorBase | 0x01;
// Encrypts and decrypts with CK_GCM_PARAMS: 96-bit nonce, 128-bit tag after the bytes.
inline constexpr CK_MECHANISM_TYPE CKM_VENDOR_SM4_GCM = kVendorBase | 0x02;
// Makes a pair of CKK_VENDOR_SM2. CKA_EC_POINT is an OCTET STRING of 04 x y.
inline constexpr CK_MECHANISM_TYPE CKM_VENDOR_SM2_KEY_PAIR_GEN = kVendorBase | 0x11;
// Signs e, 32 bytes; the signature is r s, 64 bytes.
inline constexpr CK_MECHANISM_TYPE CKM_VENDOR_SM2_SIGN = kVendorBase | 0x12;
// Decrypts 04 x y, C3, C2 with SM3.
inline constexpr CK_MECHANISM_TYPE CKM_VENDOR_SM2_DECRYPT = kVendorBase | 0x13;

inline constexpr CK_KEY_TYPE CKK_VENDOR_SM4 = kVendorBase | 0x01;
inline constexpr CK_KEY_TYPE CKK_VENDOR_SM2 = kVendorBase | 0x02;

}  // namespace kms::fault

#endif  // KMS_TESTS_PKCS11_FAULT_MODULE_VENDOR_SM_H_
