#include "kms/project_service.h"

#include "certificates/certificate_domain.h"
#include "iam/iam_domain.h"
#include "keys/projects.h"

namespace kms {
namespace {

ProjectDescription DescriptionOf(const ProjectRecord& project) {
  return {project.id, project.name, project.description, project.created,
          project.updated};
}

Result<ProjectRecord> FindProject(const Reader& reader, const RequestContext& context,
                                  std::string_view id) {
  if (id == kDefaultProject) return Reason::kBuiltIn;
  return ReadAs<ProjectRecord>(reader, place::Project(context.principal.account, id),
                               Reason::kProjectNotFound);
}

}  // namespace

ProjectService::ProjectService(std::shared_ptr<IamDomain> domain)
    : domain_(std::move(domain)) {}

Result<ProjectDescription> ProjectService::Create(const RequestContext& context,
                                                  std::string_view id,
                                                  const NewNamed& wanted) {
  KMS_CHECK_OK(CheckNamed(wanted, "epName"));
  if (!IsProjectId(id)) return Error(Reason::kBadParameter).About("epId");
  if (id == kDefaultProject) return Error(Reason::kNameTaken).About("epId");
  ProjectRecord project;
  FillNamed(project, context, wanted, std::string(id), domain_->domain().Now());
  project.updated = project.created;
  KMS_TRY(const std::string outcome,
          domain_->Change(
              context, "kms:iam:createProject",
              [&](Transaction& transaction, std::uint64_t position,
                  std::string& made) -> Result<void> {
                const std::string store_key = place::Project(project.account, project.id);
                KMS_TRY(const auto already, transaction.Get(store_key));
                if (already) return Error(Reason::kNameTaken).About("epId");
                KMS_CHECK_OK(CheckRoom(transaction, place::Projects(project.account),
                                       domain_->limits().projects));
                KMS_CHECK_OK(TakeName(transaction, project, "project", "epName"));
                ProjectRecord placed = project;
                placed.position = position;
                made = WriteRecord(placed);
                transaction.Put(store_key, made);
                return {};
              }));
  KMS_TRY(const ProjectRecord made, ReadRecord<ProjectRecord>(outcome));
  return DescriptionOf(made);
}

Result<void> ProjectService::Update(const RequestContext& context, std::string_view id,
                                    std::string_view description) {
  KMS_CHECK_OK(CheckDescriptionSize(description));
  const UnixMillis now = domain_->domain().Now();
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:updateProject",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(ProjectRecord project, FindProject(transaction, context, id));
        project.description = description;
        project.updated = now;
        transaction.Put(place::Project(project.account, project.id),
                        WriteRecord(project));
        return {};
      }));
  return {};
}

Result<Page<ProjectDescription>> ProjectService::List(const RequestContext& context,
                                                      const PageRequest& page) {
  KMS_TRY(const auto snapshot, domain_->Read(context, "kms:iam:listProjects"));
  KMS_TRY(const auto projects,
          AllOf<ProjectRecord>(*snapshot, place::Projects(context.principal.account)));
  std::vector<ProjectDescription> all(1);
  all.front().id = all.front().name = kDefaultProject;
  for (const ProjectRecord& project : projects) all.push_back(DescriptionOf(project));
  return PageFrom(std::move(all), page);
}

Result<void> ProjectService::Delete(const RequestContext& context, std::string_view id) {
  const std::string& account = context.principal.account;
  KMS_CHECK_OK(domain_->Change(
      context, "kms:iam:deleteProject",
      [&](Transaction& transaction, std::uint64_t, std::string&) -> Result<void> {
        KMS_TRY(const ProjectRecord project, FindProject(transaction, context, id));
        KMS_TRY(const auto keys,
                transaction.Scan(place::KeysOfProject(account, project.id), {}, 1));
        KMS_TRY(const auto grants,
                AllOf<GrantRecord>(transaction, place::Grants(account)));
        if (!keys.empty() ||
            std::ranges::find(grants, project.id, &GrantRecord::project) != grants.end())
          return Error(Reason::kStillInUse).About("epId");
        ChangeIndex(transaction, IndexOfNamed(project, "project"), {});
        transaction.Erase(place::Project(account, project.id));
        return {};
      }));
  return {};
}

Result<void> ProjectService::MoveKey(const RequestContext& context, std::string_view name,
                                     std::string_view project) {
  constexpr std::string_view kAction = "kms:iam:moveKey";
  const std::string& account = context.principal.account;
  Domain& domain = domain_->domain();
  const UnixMillis now = domain.Now();
  KMS_CHECK_OK(domain.Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const KeyRecord before,
                domain.ReadKey(transaction, context, name, kAction));
        KMS_CHECK_OK(domain_->parts().policy.May(transaction, context, kAction,
                                                 {account, context.region, project, {}}));
        KMS_CHECK_OK(CheckState(Action::kMove, before, now));
        KMS_CHECK_OK(CheckProject(transaction, account, project));
        KeyRecord moved = before;
        moved.project = project;
        moved.updated = now;
        Domain::PutKey(transaction, &before, moved);
        note.key = moved.id;
        return {};
      }));
  return {};
}

Result<void> ProjectService::MoveCertificate(const RequestContext& context,
                                             std::string_view id,
                                             std::string_view project) {
  constexpr std::string_view kAction = "kms:iam:moveCertificate";
  const std::string& account = context.principal.account;
  Domain& domain = domain_->domain();
  const UnixMillis now = domain.Now();
  KMS_CHECK_OK(domain.Change(
      context, [&](Transaction& transaction, ChangeNote& note) -> Result<void> {
        KMS_TRY(const CertificateRecord before,
                ReadCertificate(domain, transaction, context, id, {kAction, kAction}));
        KMS_CHECK_OK(domain_->parts().policy.May(
            transaction, context, kAction,
            {account, context.region, project, {}, kCertificateKind}));
        KMS_CHECK_OK(CheckProject(transaction, account, project));
        CertificateRecord moved = before;
        moved.project = project;
        moved.updated = now;
        PutCertificate(transaction, &before, moved);
        note.key = moved.id;
        return {};
      }));
  return {};
}

}  // namespace kms
