// The checks of each kind of records, by file: what a record of the kind has to be like
// is told there.

#ifndef KMS_CHECK_KINDS_H_
#define KMS_CHECK_KINDS_H_

#include "check/check_run.h"

namespace kms::check {

// A check reports what is wrong with the entry. Fails: kUnavailable, kCorrupt, if the
// store cannot be read; kUnavailable, if the root key does not answer.
using Check = Result<void>(CheckRun& run, const Entry& entry);

// check_keys.cc
Check CheckAlias, CheckAliasList, CheckAliasesOfKey, CheckDue, CheckKey, CheckKeyList,
    CheckRequest, CheckToken;
// check_versions.cc
Check CheckDiscard, CheckHsmRoot, CheckHsmRootNonces, CheckTokenNonces, CheckVersion,
    CheckVersionList;
// check_identity.cc
Check CheckAccessKey, CheckAccessKeysOfUser, CheckAccount, CheckGrant, CheckGroup,
    CheckGroupsOfUser, CheckIam, CheckIamName, CheckMembersOfGroup, CheckPolicy,
    CheckProject, CheckUser;
// check_resources.cc
Check CheckAccessKeysOfPoint, CheckAccessPoint, CheckAccessPointList, CheckCertificate,
    CheckCertificateEnd, CheckCertificateList, CheckCertificateTexts, CheckKeysOfProject,
    CheckResourcesOfTag, CheckTag, CheckTagName, CheckTagsOfResource;
// check_whole.cc
Check CheckAudit, CheckCounter, CheckHeader, CheckOutbox;

}  // namespace kms::check

#endif  // KMS_CHECK_KINDS_H_
