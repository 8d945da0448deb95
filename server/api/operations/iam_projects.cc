// Operations of enterprise projects.

#include <string_view>

#include "api/operations/groups.h"
#include "api/operations/iam_shared.h"
#include "kms/bytes.h"

namespace kms::server {
namespace {

using boost::json::object;

constexpr Parameter kProject[] = {ProjectParameter(true, "the enterprise project")};
constexpr Parameter kNewProject[] = {
    ProjectParameter(true, "its id: 1 to 64 letters, digits, `-` and `_`"),
    NameParameter("epName"), NotesParameter()};
constexpr Parameter kProjectUpdate[] = {ProjectParameter(true, "the enterprise project"),
                                        NotesParameter(true)};
constexpr Parameter kMove[] = {
    KeyParameter(), ProjectParameter(true, "the enterprise project to move to")};

constexpr Parameter kMoveCertificate[] = {
    CertificateParameter(), ProjectParameter(true, "the enterprise project to move to")};

constexpr std::string_view kProjectResult[] = {"epId", "epName", "description",
                                               "createdTime", "updatedTime"};
constexpr std::string_view kProjectsResult[] = {
    "content[]: epId epName description createdTime updatedTime",
    "pageNumber",
    "pageSize",
    "totalCount",
    "number",
    "size",
    "totalElements"};
constexpr std::string_view kMovedKey[] = {"cmkUuid"};
constexpr std::string_view kMovedCertificate[] = {"certificateId"};

constexpr std::string_view kCreateProjectPaths[] = {"/v1/iam/createProject"};
constexpr std::string_view kUpdateProjectPaths[] = {"/v1/iam/updateProject"};
constexpr std::string_view kListProjectsPaths[] = {"/v1/iam/listProjects"};
constexpr std::string_view kDeleteProjectPaths[] = {"/v1/iam/deleteProject"};
constexpr std::string_view kMoveKeyPaths[] = {"/v1/iam/moveKey"};
constexpr std::string_view kMoveCertificatePaths[] = {"/v1/iam/moveCertificate"};

void WriteProject(Call& call, const ProjectDescription& project, object& result) {
  Put(result, "epId", project.id);
  Put(result, "epName", project.name);
  Put(result, "description", project.description);
  PutDate(call, result, "createdTime", project.created);
  PutDate(call, result, "updatedTime", project.updated);
}

Result<object> CreateProject(Call& call, const Arguments& arguments) {
  KMS_TRY(const auto project,
          call.kms.iam().projects.Create(call.context, arguments.Text("epId"),
                                         NewNamedOf(arguments, "epName")));
  object result(call.storage);
  WriteProject(call, project, result);
  return result;
}

Result<object> UpdateProject(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().projects.Update(call.context, arguments.Text("epId"),
                                              arguments.Text("description")));
  return object(call.storage);
}

Result<object> ListProjects(Call& call, const Arguments& arguments) {
  const AskedPage page = PageOf(call, arguments);
  KMS_TRY(const auto listed, call.kms.iam().projects.List(call.context, page.request));
  return WriteList(call, page, listed, WriteProject);
}

Result<object> DeleteProject(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().projects.Delete(call.context, arguments.Text("epId")));
  return object(call.storage);
}

Result<object> MoveKey(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().projects.MoveKey(call.context, arguments.Text("cmkUuid"),
                                               arguments.Text("epId")));
  return object(call.storage);
}

Result<object> MoveCertificate(Call& call, const Arguments& arguments) {
  KMS_CHECK_OK(call.kms.iam().projects.MoveCertificate(
      call.context, arguments.Text("certificateId"), arguments.Text("epId")));
  return object(call.storage);
}

constexpr Operation Moves(std::span<const std::string_view> resources,
                          Operation operation) {
  operation.resources = resources;
  return operation;
}

constexpr Operation kOperations[] = {
    IamChange("createProject", kCreateProjectPaths, "kms:iam:createProject",
              "Makes an enterprise project.", CreateProject, kNewProject, kProjectResult),
    IamChange("updateProject", kUpdateProjectPaths, "kms:iam:updateProject",
              "Replaces the description of an enterprise project.", UpdateProject,
              kProjectUpdate),
    IamRead("listProjects", kListProjectsPaths, "kms:iam:listProjects",
            "Lists the enterprise projects of the account, oldest first.", ListProjects,
            kIamPage, kProjectsResult),
    IamChange("deleteProject", kDeleteProjectPaths, "kms:iam:deleteProject",
              "Deletes an enterprise project without resources and grants.",
              DeleteProject, kProject),
    Moves(kMovedKey,
          IamChange("moveKey", kMoveKeyPaths, "kms:iam:moveKey",
                    "Moves a key to another enterprise project.", MoveKey, kMove)),
    Moves(kMovedCertificate,
          IamChange("moveCertificate", kMoveCertificatePaths, "kms:iam:moveCertificate",
                    "Moves a certificate to another enterprise project.", MoveCertificate,
                    kMoveCertificate)),
};

}  // namespace

std::span<const Operation> IamProjectOperations() { return kOperations; }

}  // namespace kms::server
