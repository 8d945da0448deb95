#include "vendor_token.h"

#include <botan/mac.h>
#include <botan/system_rng.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include "crypto/botan_compat.h"
#include "crypto/sm2_der.h"
#include "vendor_sm.h"

namespace kms::fault {
namespace {

using Secret = Botan::secure_vector<std::uint8_t>;

constexpr CK_OBJECT_HANDLE kFirstHandle = 0x40000000;
constexpr std::size_t kTag = 16;
constexpr std::size_t kNonce = 12;
constexpr std::size_t kScalar = 32;
constexpr std::size_t kPoint = 65;
constexpr std::size_t kSm3 = 32;

bool IsOurs(CK_OBJECT_HANDLE handle) { return handle >= kFirstHandle; }

bool IsOurs(const CK_MECHANISM* mechanism) {
  const auto& all = VendorToken::Mechanisms();
  return mechanism != nullptr &&
         std::find(all.begin(), all.end(), mechanism->mechanism) != all.end();
}

template <typename Number>
Secret BytesOf(Number number) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&number);
  return {bytes, bytes + sizeof number};
}

std::size_t ValueSize(CK_KEY_TYPE type) { return type == CKK_VENDOR_SM4 ? 16 : kScalar; }

// What a token checks before it touches private objects.
CK_RV CheckLogin(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session) {
  CK_SESSION_INFO info{};
  if (const CK_RV code = target.C_GetSessionInfo(session, &info); code != CKR_OK)
    return code;
  const bool user =
      info.state == CKS_RW_USER_FUNCTIONS || info.state == CKS_RO_USER_FUNCTIONS;
  return user ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

// Deliver answers as Cryptoki does for outputs of variable length.
CK_RV Deliver(const Secret& from, CK_BYTE* out, CK_ULONG* out_size) {
  const CK_ULONG room = *out_size;
  *out_size = from.size();
  if (out == nullptr) return CKR_OK;
  if (room < from.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(from.begin(), from.end(), out);
  return CKR_OK;
}

// Gcm seals or opens `bytes` in place; false if the tag is wrong.
bool Gcm(const char* cipher, bool seals, const Secret& key, const Secret& nonce,
         const Secret& aad, Secret* bytes) {
  const auto mode = Botan::AEAD_Mode::create_or_throw(
      cipher, seals ? botan::kEncryption : botan::kDecryption);
  mode->set_key(key.data(), key.size());
  mode->set_associated_data(aad.data(), aad.size());
  mode->start(nonce.data(), nonce.size());
  try {
    mode->finish(*bytes);
  } catch (const Botan::Exception&) {
    return false;
  }
  return true;
}

// What the target computes from the wrapped secret, and nobody else can.
constexpr char kMaskLabel[] = "kms_fault_module vendor key";

Secret MaskOf(const Secret& seed) {
  const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
  mac->set_key(seed.data(), seed.size());
  mac->update(reinterpret_cast<const std::uint8_t*>(kMaskLabel), sizeof kMaskLabel);
  return mac->final();
}

// The same with a secret in the target, in a session of its own: that of the caller may
// have an operation under way.
CK_RV MaskOf(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE caller, CK_OBJECT_HANDLE secret,
             Secret* mask) {
  CK_SESSION_INFO info{};
  CK_SESSION_HANDLE session = 0;
  CK_RV code = target.C_GetSessionInfo(caller, &info);
  if (code == CKR_OK)
    code =
        target.C_OpenSession(info.slotID, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
  if (code != CKR_OK) return code;
  CK_MECHANISM mechanism{CKM_SHA256_HMAC, nullptr, 0};
  code = target.C_SignInit(session, &mechanism, secret);
  if (code == CKR_OK) {
    Secret text(sizeof kMaskLabel);
    std::memcpy(text.data(), kMaskLabel, text.size());
    mask->resize(32);
    CK_ULONG size = mask->size();
    code = target.C_Sign(session, text.data(), text.size(), mask->data(), &size);
  }
  target.C_CloseSession(session);
  return code;
}

CK_RV SealUnder(const Secret& mask, bool seals, Secret* value) {
  // The mask is for one key only, so the nonce may be the same for all.
  return Gcm("AES-256/GCM", seals, mask, Secret(kNonce), {}, value)
             ? CKR_OK
             : CKR_WRAPPED_KEY_INVALID;
}

bool FlagOf(const Secret& value) {
  return value.size() == sizeof(CK_BBOOL) && value[0] != CK_FALSE;
}

// The value of a flag of an object of the target; `otherwise` if it does not say.
bool TargetFlag(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session,
                CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool otherwise) {
  CK_BBOOL value = otherwise ? CK_TRUE : CK_FALSE;
  CK_ATTRIBUTE attribute{type, &value, sizeof value};
  if (target.C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK)
    return otherwise;
  return value != CK_FALSE;
}

// A generic secret for the target that lives as long as a call.
class TargetSecret {
 public:
  TargetSecret(CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session)
      : target_(target), session_(session) {}
  ~TargetSecret() {
    if (handle_ != 0) target_.C_DestroyObject(session_, handle_);
  }
  TargetSecret(const TargetSecret&) = delete;
  TargetSecret& operator=(const TargetSecret&) = delete;

  CK_OBJECT_HANDLE* into() { return &handle_; }
  CK_OBJECT_HANDLE get() const { return handle_; }

 private:
  CK_FUNCTION_LIST& target_;
  const CK_SESSION_HANDLE session_;
  CK_OBJECT_HANDLE handle_ = 0;
};

CK_BBOOL yes = CK_TRUE;
CK_BBOOL no = CK_FALSE;
CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
CK_KEY_TYPE generic_secret = CKK_GENERIC_SECRET;

}  // namespace

const std::vector<CK_MECHANISM_TYPE>& VendorToken::Mechanisms() {
  static const auto* const all = new std::vector<CK_MECHANISM_TYPE>{
      CKM_VENDOR_SM4_KEY_GEN, CKM_VENDOR_SM4_GCM, CKM_VENDOR_SM2_KEY_PAIR_GEN,
      CKM_VENDOR_SM2_SIGN, CKM_VENDOR_SM2_DECRYPT};
  return *all;
}

std::optional<CK_RV> VendorToken::Describe(CK_MECHANISM_TYPE type,
                                           CK_MECHANISM_INFO* info) {
  const CK_MECHANISM asked{type, nullptr, 0};
  if (!IsOurs(&asked)) return std::nullopt;
  if (info == nullptr) return CKR_ARGUMENTS_BAD;
  const bool sm4 = type == CKM_VENDOR_SM4_KEY_GEN || type == CKM_VENDOR_SM4_GCM;
  info->ulMinKeySize = info->ulMaxKeySize = sm4 ? 16 : 256;
  info->flags = type == CKM_VENDOR_SM4_KEY_GEN        ? CKF_GENERATE
                : type == CKM_VENDOR_SM4_GCM          ? CKF_ENCRYPT | CKF_DECRYPT
                : type == CKM_VENDOR_SM2_KEY_PAIR_GEN ? CKF_GENERATE_KEY_PAIR
                : type == CKM_VENDOR_SM2_SIGN         ? CKF_SIGN
                                                      : CKF_DECRYPT;
  return CKR_OK;
}

bool VendorToken::Key::Flag(CK_ATTRIBUTE_TYPE wanted, bool otherwise) const {
  const auto found = attributes.find(wanted);
  return found == attributes.end() ? otherwise : FlagOf(found->second);
}

VendorToken::Attributes VendorToken::Copy(const CK_ATTRIBUTE* attributes,
                                          CK_ULONG count) {
  Attributes copy;
  for (CK_ULONG i = 0; attributes != nullptr && i < count; ++i) {
    const auto* const bytes = static_cast<const std::uint8_t*>(attributes[i].pValue);
    copy[attributes[i].type] =
        bytes == nullptr ? Secret() : Secret(bytes, bytes + attributes[i].ulValueLen);
  }
  return copy;
}

// Null if the template contradicts itself, or asks for what is not there.
std::shared_ptr<VendorToken::Key> VendorToken::NewKey(CK_SESSION_HANDLE session,
                                                      CK_KEY_TYPE type,
                                                      CK_OBJECT_CLASS object_class,
                                                      Attributes attributes) {
  auto key = std::make_shared<Key>();
  key->session = session;
  key->type = type;
  key->object_class = object_class;
  key->attributes = std::move(attributes);
  if (key->Flag(CKA_TOKEN, false)) return nullptr;
  const auto fix = [&](CK_ATTRIBUTE_TYPE name, Secret value) {
    return key->attributes.emplace(name, value).first->second == value;
  };
  if (!fix(CKA_KEY_TYPE, BytesOf(type)) || !fix(CKA_CLASS, BytesOf(object_class)))
    return nullptr;
  fix(CKA_TOKEN, BytesOf(no));
  if (object_class != CKO_PUBLIC_KEY) {
    fix(CKA_SENSITIVE, BytesOf(yes));
    fix(CKA_EXTRACTABLE, BytesOf(no));
  }
  return key;
}

CK_OBJECT_HANDLE VendorToken::Keep(std::shared_ptr<const Key> key) {
  const std::lock_guard lock(mutex_);
  const CK_OBJECT_HANDLE handle = kFirstHandle + ++last_;
  keys_.emplace(handle, std::move(key));
  return handle;
}

std::shared_ptr<const VendorToken::Key> VendorToken::Find(CK_OBJECT_HANDLE handle) {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(handle);
  return found == keys_.end() ? nullptr : found->second;
}

std::optional<CK_RV> VendorToken::Generate(CK_FUNCTION_LIST& target,
                                           CK_SESSION_HANDLE session,
                                           CK_MECHANISM* mechanism,
                                           CK_ATTRIBUTE* attributes, CK_ULONG count,
                                           CK_OBJECT_HANDLE* handle) {
  if (!IsOurs(mechanism)) return std::nullopt;
  if (mechanism->mechanism != CKM_VENDOR_SM4_KEY_GEN) return CKR_MECHANISM_INVALID;
  if (handle == nullptr) return CKR_ARGUMENTS_BAD;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  auto key = NewKey(session, CKK_VENDOR_SM4, CKO_SECRET_KEY, Copy(attributes, count));
  if (key == nullptr) return CKR_TEMPLATE_INCONSISTENT;
  Botan::System_RNG rng;
  key->value = rng.random_vec(16);
  *handle = Keep(std::move(key));
  return CKR_OK;
}

std::optional<CK_RV> VendorToken::GeneratePair(
    CK_FUNCTION_LIST& target, CK_SESSION_HANDLE session, CK_MECHANISM* mechanism,
    CK_ATTRIBUTE* public_template, CK_ULONG public_count, CK_ATTRIBUTE* private_template,
    CK_ULONG private_count, CK_OBJECT_HANDLE* public_key, CK_OBJECT_HANDLE* private_key) {
  if (!IsOurs(mechanism)) return std::nullopt;
  if (mechanism->mechanism != CKM_VENDOR_SM2_KEY_PAIR_GEN) return CKR_MECHANISM_INVALID;
  if (public_key == nullptr || private_key == nullptr) return CKR_ARGUMENTS_BAD;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  auto open = NewKey(session, CKK_VENDOR_SM2, CKO_PUBLIC_KEY,
                     Copy(public_template, public_count));
  auto secret = NewKey(session, CKK_VENDOR_SM2, CKO_PRIVATE_KEY,
                       Copy(private_template, private_count));
  if (open == nullptr || secret == nullptr) return CKR_TEMPLATE_INCONSISTENT;
  Botan::System_RNG rng;
  const Botan::SM2_PrivateKey made(rng, botan::Sm2Group());
  secret->value = botan::Sm2Scalar(made);
  const auto point = made.public_key_bits();
  if (point.size() != kPoint) return CKR_GENERAL_ERROR;
  open->value.assign(point.begin(), point.end());
  Secret octets = {0x04, kPoint};
  octets.insert(octets.end(), point.begin(), point.end());
  open->attributes[CKA_EC_POINT] = octets;
  // Of the private key, too, so that it is still known after unwrapping.
  secret->attributes[CKA_EC_POINT] = octets;
  *public_key = Keep(std::move(open));
  *private_key = Keep(std::move(secret));
  return CKR_OK;
}

std::optional<CK_RV> VendorToken::Init(CK_FUNCTION_LIST& target, Use use,
                                       CK_SESSION_HANDLE session, CK_MECHANISM* mechanism,
                                       CK_OBJECT_HANDLE handle) {
  if (!IsOurs(mechanism) && !IsOurs(handle)) return std::nullopt;
  if (mechanism == nullptr) return CKR_ARGUMENTS_BAD;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  if (!IsOurs(mechanism)) return CKR_KEY_TYPE_INCONSISTENT;
  Operation operation;
  operation.mechanism = mechanism->mechanism;
  operation.key = Find(handle);
  if (operation.key == nullptr) return CKR_KEY_HANDLE_INVALID;
  const Key& key = *operation.key;
  const bool gcm = operation.mechanism == CKM_VENDOR_SM4_GCM;
  const bool fits =
      gcm ? use != Use::kSign
          : (use == Use::kSign
                 ? operation.mechanism == CKM_VENDOR_SM2_SIGN
                 : use == Use::kDecrypt && operation.mechanism == CKM_VENDOR_SM2_DECRYPT);
  if (!fits) return CKR_MECHANISM_INVALID;
  if (key.type != (gcm ? CKK_VENDOR_SM4 : CKK_VENDOR_SM2) ||
      key.object_class == CKO_PUBLIC_KEY)
    return CKR_KEY_TYPE_INCONSISTENT;
  const CK_ATTRIBUTE_TYPE may = use == Use::kEncrypt   ? CKA_ENCRYPT
                                : use == Use::kDecrypt ? CKA_DECRYPT
                                                       : CKA_SIGN;
  if (!key.Flag(may, true)) return CKR_KEY_FUNCTION_NOT_PERMITTED;
  if (gcm) {
    const auto* const given = static_cast<const CK_GCM_PARAMS*>(mechanism->pParameter);
    if (given == nullptr || mechanism->ulParameterLen != sizeof *given ||
        given->pIv == nullptr || given->ulIvLen != kNonce ||
        given->ulTagBits != 8 * kTag || (given->pAAD == nullptr && given->ulAADLen != 0))
      return CKR_MECHANISM_PARAM_INVALID;
    operation.nonce.assign(given->pIv, given->pIv + given->ulIvLen);
    if (given->ulAADLen != 0)
      operation.aad.assign(given->pAAD, given->pAAD + given->ulAADLen);
  }
  const std::lock_guard lock(mutex_);
  const bool started =
      operations_.emplace(std::pair(session, use), std::move(operation)).second;
  return started ? CKR_OK : CKR_OPERATION_ACTIVE;
}

std::optional<CK_RV> VendorToken::Run(Use use, CK_SESSION_HANDLE session, CK_BYTE* in,
                                      CK_ULONG in_size, CK_BYTE* out,
                                      CK_ULONG* out_size) {
  const std::pair which(session, use);
  Operation operation;
  {
    const std::lock_guard lock(mutex_);
    const auto found = operations_.find(which);
    if (found == operations_.end()) return std::nullopt;
    if (out_size == nullptr || (in == nullptr && in_size != 0)) {
      operations_.erase(found);
      return CKR_ARGUMENTS_BAD;
    }
    const CK_MECHANISM_TYPE mechanism = found->second.mechanism;
    const CK_ULONG overhead =
        mechanism == CKM_VENDOR_SM4_GCM ? CK_ULONG{kTag} : CK_ULONG{kPoint + kSm3};
    const CK_ULONG needed = use == Use::kSign      ? 2 * kScalar
                            : use == Use::kEncrypt ? in_size + overhead
                            : in_size > overhead   ? in_size - overhead
                                                   : 0;
    // Asking for the size, and a buffer that is too small, leave the operation open.
    if (out == nullptr || *out_size < needed) {
      *out_size = needed;
      return out == nullptr ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    }
    operation = std::move(found->second);
    operations_.erase(found);
  }
  Secret result;
  if (const CK_RV code = Compute(use, operation, in, in_size, &result); code != CKR_OK)
    return code;
  return Deliver(result, out, out_size);
}

CK_RV VendorToken::Compute(Use use, const Operation& operation, const CK_BYTE* in,
                           CK_ULONG in_size, Secret* out) {
  const Key& key = *operation.key;
  if (operation.mechanism == CKM_VENDOR_SM4_GCM) {
    const bool seals = use == Use::kEncrypt;
    if (!seals && in_size < kTag) return CKR_ENCRYPTED_DATA_LEN_RANGE;
    out->assign(in, in + in_size);
    const bool right =
        Gcm("SM4/GCM", seals, key.value, operation.nonce, operation.aad, out);
    return right ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
  }
  Botan::System_RNG rng;
  const auto group = botan::Sm2Group();
  const auto sm2 = botan::Sm2PrivateKey(group, key.value, rng);
  if (sm2 == nullptr) return CKR_GENERAL_ERROR;
  if (use == Use::kSign) {
    if (in_size != kSm3) return CKR_DATA_LEN_RANGE;
    Botan::PK_Signer signer(*sm2, rng, "1234567812345678,Raw", botan::kPlainSignature);
    const auto signature = signer.sign_message(in, in_size, rng);
    out->assign(signature.begin(), signature.end());
    return CKR_OK;
  }
  if (in_size <= kPoint + kSm3 || in[0] != 0x04) return CKR_ENCRYPTED_DATA_LEN_RANGE;
  const auto read = internal::ReadSm2Ciphertext({in, in_size});
  if (!read || botan::Sm2PublicKey(group, read->point) == nullptr)
    return CKR_ENCRYPTED_DATA_INVALID;
  const auto der = internal::WriteSm2Ciphertext(*read);
  try {
    const Botan::PK_Decryptor_EME decryptor(*sm2, rng, "SM3");
    *out = decryptor.decrypt(der.data(), der.size());
  } catch (const Botan::Exception&) {
    return CKR_ENCRYPTED_DATA_INVALID;
  }
  return CKR_OK;
}

std::optional<CK_RV> VendorToken::Wrap(CK_FUNCTION_LIST& target,
                                       CK_SESSION_HANDLE session, CK_MECHANISM* mechanism,
                                       CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE handle,
                                       CK_BYTE* out, CK_ULONG* out_size) {
  if (!IsOurs(handle)) return std::nullopt;
  if (out_size == nullptr) return CKR_ARGUMENTS_BAD;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  const auto key = Find(handle);
  if (key == nullptr) return CKR_KEY_HANDLE_INVALID;
  if (key->object_class == CKO_PUBLIC_KEY) return CKR_KEY_NOT_WRAPPABLE;
  if (!key->Flag(CKA_EXTRACTABLE, false)) return CKR_KEY_UNEXTRACTABLE;

  Botan::System_RNG rng;
  Secret seed = rng.random_vec(32);
  TargetSecret secret(target, session);
  std::array<CK_ATTRIBUTE, 6> wanted = {{
      {CKA_CLASS, &secret_class, sizeof secret_class},
      {CKA_KEY_TYPE, &generic_secret, sizeof generic_secret},
      {CKA_TOKEN, &no, sizeof no},
      {CKA_SENSITIVE, &yes, sizeof yes},
      {CKA_EXTRACTABLE, &yes, sizeof yes},
      {CKA_VALUE, seed.data(), seed.size()},
  }};
  CK_RV code =
      target.C_CreateObject(session, wanted.data(), wanted.size(), secret.into());
  if (code != CKR_OK) return code;
  Secret wrapped(1024);
  CK_ULONG size = wrapped.size();
  code =
      target.C_WrapKey(session, mechanism, wrapping, secret.get(), wrapped.data(), &size);
  if (code != CKR_OK) return code;
  wrapped.resize(size);
  Secret value = key->value;
  code = SealUnder(MaskOf(seed), true, &value);
  if (code != CKR_OK) return code;
  wrapped.insert(wrapped.end(), value.begin(), value.end());
  return Deliver(wrapped, out, out_size);
}

std::optional<CK_RV> VendorToken::Unwrap(CK_FUNCTION_LIST& target,
                                         CK_SESSION_HANDLE session,
                                         CK_MECHANISM* mechanism,
                                         CK_OBJECT_HANDLE unwrapping, CK_BYTE* wrapped,
                                         CK_ULONG wrapped_size, CK_ATTRIBUTE* attributes,
                                         CK_ULONG count, CK_OBJECT_HANDLE* handle) {
  Attributes given = Copy(attributes, count);
  const auto type = given.find(CKA_KEY_TYPE);
  if (type == given.end()) return std::nullopt;
  const bool sm4 = type->second == BytesOf(CKK_VENDOR_SM4);
  if (!sm4 && type->second != BytesOf(CKK_VENDOR_SM2)) return std::nullopt;
  if (handle == nullptr || wrapped == nullptr) return CKR_ARGUMENTS_BAD;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  const CK_KEY_TYPE key_type = sm4 ? CKK_VENDOR_SM4 : CKK_VENDOR_SM2;
  const CK_ULONG tail = ValueSize(key_type) + kTag;
  if (wrapped_size <= tail) return CKR_WRAPPED_KEY_LEN_RANGE;

  // The flags go to the target, which holds them against the unwrap template.
  std::vector<CK_ATTRIBUTE> wanted = {
      {CKA_CLASS, &secret_class, sizeof secret_class},
      {CKA_KEY_TYPE, &generic_secret, sizeof generic_secret},
      {CKA_SIGN, &yes, sizeof yes},
  };
  for (const CK_ATTRIBUTE_TYPE flag :
       {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE})
    if (const auto found = given.find(flag); found != given.end())
      wanted.push_back({flag, found->second.data(), found->second.size()});
  auto key = NewKey(session, key_type, sm4 ? CKO_SECRET_KEY : CKO_PRIVATE_KEY, given);
  if (key == nullptr) return CKR_TEMPLATE_INCONSISTENT;
  TargetSecret secret(target, session);
  CK_RV code =
      target.C_UnwrapKey(session, mechanism, unwrapping, wrapped, wrapped_size - tail,
                         wanted.data(), wanted.size(), secret.into());
  if (code != CKR_OK) return code;
  Secret mask;
  code = MaskOf(target, session, secret.get(), &mask);
  if (code != CKR_OK) return code;
  key->value.assign(wrapped + (wrapped_size - tail), wrapped + wrapped_size);
  code = SealUnder(mask, false, &key->value);
  if (code != CKR_OK) return code;
  for (const CK_ATTRIBUTE_TYPE flag : {CKA_SENSITIVE, CKA_EXTRACTABLE})
    key->attributes[flag] = BytesOf(TargetFlag(target, session, secret.get(), flag,
                                               key->Flag(flag, flag == CKA_SENSITIVE))
                                        ? yes
                                        : no);
  *handle = Keep(std::move(key));
  return CKR_OK;
}

std::optional<CK_RV> VendorToken::Read(CK_FUNCTION_LIST& target,
                                       CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
                                       CK_ATTRIBUTE* attributes, CK_ULONG count) {
  if (!IsOurs(handle)) return std::nullopt;
  if (attributes == nullptr) return CKR_ARGUMENTS_BAD;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  const auto key = Find(handle);
  if (key == nullptr) return CKR_OBJECT_HANDLE_INVALID;
  const bool closed =
      key->object_class != CKO_PUBLIC_KEY &&
      (key->Flag(CKA_SENSITIVE, true) || !key->Flag(CKA_EXTRACTABLE, false));
  CK_RV result = CKR_OK;
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_ATTRIBUTE& attribute = attributes[i];
    const bool value = attribute.type == CKA_VALUE;
    const auto found = key->attributes.find(attribute.type);
    if ((value && closed) || (!value && found == key->attributes.end())) {
      attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
      result = value ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
      continue;
    }
    const CK_RV code =
        Deliver(value ? key->value : found->second,
                static_cast<CK_BYTE*>(attribute.pValue), &attribute.ulValueLen);
    if (code != CKR_OK) {
      attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
      result = code;
    }
  }
  return result;
}

std::optional<CK_RV> VendorToken::Destroy(CK_FUNCTION_LIST& target,
                                          CK_SESSION_HANDLE session,
                                          CK_OBJECT_HANDLE handle) {
  if (!IsOurs(handle)) return std::nullopt;
  if (const CK_RV code = CheckLogin(target, session); code != CKR_OK) return code;
  const std::lock_guard lock(mutex_);
  return keys_.erase(handle) != 0 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

void VendorToken::Forget(CK_SESSION_HANDLE session) {
  const std::lock_guard lock(mutex_);
  std::erase_if(keys_, [&](const auto& kept) { return kept.second->session == session; });
  std::erase_if(operations_,
                [&](const auto& kept) { return kept.first.first == session; });
}

void VendorToken::Clear() {
  const std::lock_guard lock(mutex_);
  keys_.clear();
  operations_.clear();
}

}  // namespace kms::fault
