// Receives the DICOM objects of one association (C-STORE, C-ECHO) and writes them to a folder.
//
//   samus-receive FOLDER AE LARGEST_FILE MOST_FILES TIMEOUT CALLING_AE ... <SOCKET
//
// Standard input is the connected socket. `samus receive` listens and starts one such process for each
// connection: DCMTK is C++ that reads what others send, so a crash here ends one association. Memory,
// time and the size of files are limited.
//
// A file is received under a temporary name and becomes SOP-INSTANCE-UID.dcm when it is complete, can be
// parsed and has the announced UID. The bytes are those that were sent. One line for each event goes to
// standard output: no data of patients.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>
#include <dcmtk/oflog/oflog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

struct Options {
    std::string folder;
    std::string title;
    unsigned long long largestFile = 0;
    long mostFiles = 0;
    int timeout = 0;
    std::vector<std::string> callers;
};

void say(const char *event, const std::string &detail) {
    printf("%s %s\n", event, detail.c_str());
    fflush(stdout);
}

void limit(int resource, rlim_t value) {
    struct rlimit limits = {value, value};
    setrlimit(resource, &limits);
}

void limitResources(const Options &options) {
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, 600);
    limit(RLIMIT_AS, rlim_t(2) << 30);
    limit(RLIMIT_FSIZE, rlim_t(options.largestFile));
    limit(RLIMIT_NOFILE, 64);
    // A file that reaches its limit is an error of writing, not the end.
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

// Digits and dots, at most 64: the UID becomes a name.
bool isUID(const char *text) {
    size_t length = strnlen(text, 65);
    if (length == 0 || length > 64 || text[0] == '.') return false;
    return strspn(text, "0123456789.") == length;
}

// AE titles are compared without spaces at their ends.
std::string trimmed(const char *text) {
    std::string title = text;
    size_t start = title.find_first_not_of(' ');
    size_t end = title.find_last_not_of(' ');
    return start == std::string::npos ? "" : title.substr(start, end - start + 1);
}

std::string printable(const std::string &text) {
    std::string shown;
    for (unsigned char c : text.substr(0, 64)) shown += c < 0x21 || c > 0x7e ? '?' : char(c);
    return shown;
}

long countFiles(const std::string &folder) {
    DIR *directory = opendir(folder.c_str());
    if (directory == nullptr) return -1;
    long count = 0;
    while (struct dirent *entry = readdir(directory)) {
        const char *end = strrchr(entry->d_name, '.');
        if (end != nullptr && strcmp(end, ".dcm") == 0 && entry->d_name[0] != '.') count++;
    }
    closedir(directory);
    return count;
}

bool flushed(const std::string &path, int flags) {
    int file = open(path.c_str(), flags);
    if (file < 0) return false;
    bool isFlushed = fsync(file) == 0;
    close(file);
    return isFlushed;
}

// One object that is being received.
struct Arrival {
    const Options &options;
    std::string temporary;
    std::string path;
    std::string instance;
    bool isStored = false;
};

// Gives a complete object its name; the status that the sender gets.
Uint16 accept(Arrival &arrival) {
    struct stat status;
    if (stat(arrival.path.c_str(), &status) == 0) {
        say("present", arrival.instance);
        return STATUS_Success;
    }
    DcmFileFormat format;
    OFString found;
    // Long values, such as pixels, stay in the file.
    OFCondition result = format.loadFile(
        arrival.temporary.c_str(), EXS_Unknown, EGL_noChange, 4096, ERM_autoDetect);
    if (result.good()) {
        result = format.getDataset()->findAndGetOFString(DCM_SOPInstanceUID, found);
    }
    if (result.bad() || trimmed(found.c_str()) != arrival.instance) {
        say("refused", "an object that cannot be parsed, or has another UID than announced");
        return STATUS_STORE_Error_CannotUnderstand;
    }
    if (!flushed(arrival.temporary, O_RDONLY)
        || rename(arrival.temporary.c_str(), arrival.path.c_str()) != 0
        || !flushed(arrival.options.folder, O_RDONLY | O_DIRECTORY)) {
        say("failed", std::string("the folder cannot be written to: ") + strerror(errno));
        return STATUS_STORE_Refused_OutOfResources;
    }
    arrival.isStored = true;
    stat(arrival.path.c_str(), &status);
    say("stored", arrival.instance + " " + std::to_string(status.st_size));
    return STATUS_Success;
}

void progress(
    void *data, T_DIMSE_StoreProgress *state, T_DIMSE_C_StoreRQ *, char *, DcmDataset **,
    T_DIMSE_C_StoreRSP *response, DcmDataset **) {
    if (state->state != DIMSE_StoreEnd || response->DimseStatus != STATUS_Success) return;
    response->DimseStatus = accept(*static_cast<Arrival *>(data));
}

class Session {
public:
    explicit Session(const Options &options) : options(options) {}

    int run() {
        // The connected socket, as inetd passes it; DCMTK takes numbers above 0 only.
        int connection = dup(STDIN_FILENO);
        if (connection < 0) return 69;
        // Number 0 stays in use, so that no file gets it.
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        dcmExternalSocketHandle.set(connection);
        dcmSocketReceiveTimeout.set(options.timeout);
        T_ASC_Network *network = nullptr;
        if (ASC_initializeNetwork(NET_ACCEPTOR, 0, options.timeout, &network).bad()) return 69;
        OFCondition result = ASC_receiveAssociation(
            network, &association, ASC_DEFAULTMAXPDU, nullptr, nullptr, OFFalse, DUL_NOBLOCK,
            options.timeout);
        if (result.bad()) {
            say("refused", "a connection that is not DICOM");
        } else if (negotiated()) {
            serve();
        }
        if (association != nullptr) {
            ASC_dropSCPAssociation(association);
            ASC_destroyAssociation(&association);
        }
        ASC_dropNetwork(&network);
        return 0;
    }

private:
    const Options &options;
    T_ASC_Association *association = nullptr;
    unsigned number = 0;

    bool reject(T_ASC_RejectParametersReason reason, const std::string &words) {
        T_ASC_RejectParameters parameters = {
            ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER, reason};
        ASC_rejectAssociation(association, &parameters);
        say("refused", words);
        return false;
    }

    bool negotiated() {
        char calling[65] = "", called[65] = "";
        ASC_getAPTitles(
            association->params, calling, sizeof calling, called, sizeof called, nullptr, 0);
        if (trimmed(called) != options.title) {
            return reject(
                ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED,
                "an association for the AE title " + printable(called));
        }
        bool isAllowed = false;
        for (const std::string &caller : options.callers) {
            if (trimmed(calling) == caller) isAllowed = true;
        }
        if (!isAllowed) {
            return reject(
                ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED,
                "an association of the AE title " + printable(calling));
        }
        const char *verification[] = {UID_VerificationSOPClass};
        // Uncompressed first, so that nobody compresses for us; then whatever can be read.
        const char *syntaxes[] = {
            UID_LittleEndianExplicitTransferSyntax,
            UID_LittleEndianImplicitTransferSyntax,
            UID_BigEndianExplicitTransferSyntax,
            UID_JPEGProcess14SV1TransferSyntax,
            UID_JPEGProcess14TransferSyntax,
            UID_JPEGLSLosslessTransferSyntax,
            UID_JPEG2000LosslessOnlyTransferSyntax,
            UID_RLELosslessTransferSyntax,
            UID_JPEGProcess1TransferSyntax,
            UID_JPEGProcess2_4TransferSyntax,
            UID_JPEGLSLossyTransferSyntax,
            UID_JPEG2000TransferSyntax,
            UID_DeflatedExplicitVRLittleEndianTransferSyntax,
        };
        ASC_acceptContextsWithPreferredTransferSyntaxes(
            association->params, verification, 1, syntaxes, 3);
        ASC_acceptContextsWithPreferredTransferSyntaxes(
            association->params, dcmAllStorageSOPClassUIDs, numberOfDcmAllStorageSOPClassUIDs,
            syntaxes, sizeof syntaxes / sizeof syntaxes[0]);
        return ASC_acknowledgeAssociation(association).good();
    }

    void serve() {
        while (true) {
            T_DIMSE_Message message;
            memset(&message, 0, sizeof message);
            T_ASC_PresentationContextID context = 0;
            OFCondition result = DIMSE_receiveCommand(
                association, DIMSE_NONBLOCKING, options.timeout, &context, &message, nullptr);
            if (result == DUL_PEERREQUESTEDRELEASE) {
                ASC_acknowledgeRelease(association);
                return;
            }
            if (result.bad()) {
                if (result != DUL_PEERABORTEDASSOCIATION) ASC_abortAssociation(association);
                return;
            }
            if (message.CommandField == DIMSE_C_ECHO_RQ) {
                result = DIMSE_sendEchoResponse(
                    association, context, &message.msg.CEchoRQ, STATUS_Success, nullptr);
            } else if (message.CommandField == DIMSE_C_STORE_RQ) {
                result = store(context, message.msg.CStoreRQ);
            } else {
                say("refused", "a command that is neither C-STORE nor C-ECHO");
                ASC_abortAssociation(association);
                return;
            }
            if (result.bad()) {
                ASC_abortAssociation(association);
                return;
            }
        }
    }

    OFCondition store(T_ASC_PresentationContextID context, T_DIMSE_C_StoreRQ &request) {
        if (!isUID(request.AffectedSOPInstanceUID)) {
            say("refused", "an object whose UID is not one");
            return EC_IllegalParameter;
        }
        long count = countFiles(options.folder);
        if (count < 0 || count >= options.mostFiles) {
            say("refused", "an object, because the folder has as many as --max-files allows");
            return EC_IllegalParameter;
        }
        std::string instance = request.AffectedSOPInstanceUID;
        Arrival arrival = {
            options,
            options.folder + "/.samus-receive-" + std::to_string(getpid()) + "-"
                + std::to_string(number++) + ".partial",
            options.folder + "/" + instance + ".dcm", instance};
        OFCondition result = DIMSE_storeProvider(
            association, context, &request, arrival.temporary.c_str(), OFTrue, nullptr, progress,
            &arrival, DIMSE_NONBLOCKING, options.timeout);
        if (!arrival.isStored) unlink(arrival.temporary.c_str());
        if (result.bad()) say("failed", instance + ": " + result.text());
        return result;
    }
};

} // namespace

int main(int argc, char **argv) {
    if (argc < 7) {
        fprintf(
            stderr, "usage: samus-receive FOLDER AE LARGEST_FILE MOST_FILES TIMEOUT CALLING_AE ... "
                    "<SOCKET\n");
        return 64;
    }
    Options options;
    options.folder = argv[1];
    options.title = argv[2];
    options.largestFile = strtoull(argv[3], nullptr, 10);
    options.mostFiles = strtol(argv[4], nullptr, 10);
    options.timeout = int(strtol(argv[5], nullptr, 10));
    for (int i = 6; i < argc; i++) options.callers.push_back(argv[i]);
    // DCMTK's own messages may contain what others send.
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    limitResources(options);
    try {
        return Session(options).run();
    } catch (const std::exception &error) {
        say("failed", error.what());
        return 70;
    }
}
