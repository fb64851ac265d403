// Sizes at which another method is taken: all of them are here.
#ifndef HENDERSON_LINALG_LIMITS_HPP
#define HENDERSON_LINALG_LIMITS_HPP

#include <Eigen/Core>
#include <cstdint>

namespace henderson {

using Eigen::Index;

// Rows that are kept beside the cross-products of crossed factors.
constexpr Index kKeptRows = 2000;       // rows at most, with
constexpr Index kKeptColumns = 600;     // columns of Z at most

// Columns of Z up to which the root form A is made.
constexpr Index kRootForm = 3000;       // where covariances may be indefinite
constexpr Index kAccurateRoot = 256;    // where another form has lost digits, or Z and X fit any response
constexpr double kAccurateWork = 3e7;   // the same where rows are kept: rows^2 columns
constexpr Index kSaturatedRoot = 600;   // where they do and the residual variance has been seen to vanish

// Columns of Z up to which Z'V^{-1}Z is formed as one matrix.
constexpr Index kDenseMoments = 256;

// Columns of the other factors up to which the Cholesky factor of their Schur complement is dense without a look at its
// pattern.
constexpr Index kAlwaysDense = 400;

// Columns of Z up to which a refusal at V_0 = I is looked at again.
constexpr Index kSecondLook = 2000;

// Random effects above which no further starts are scattered: they would take seconds, and such criteria are smoother.
constexpr Index kManyEffects = 1000;

// Other maxima of unstructured residual covariances: visits up to which the sign of one visit is changed, and residual
// parameters up to which all are searched together; with more, those of a group are searched alone first.
constexpr Index kVisitsWithSigns = 4;
constexpr Index kParametersTogether = 40;

// Entries of the Cholesky factor up to which an evaluation costs so little that further starts are tried.
constexpr std::int64_t kAffordableEntries = 2000000;

// Rows of the equations above which panels of right sides are narrower, so that they stay in the cache.
constexpr Index kNarrowPanels = 40000;

// Rows of a subject with a residual structure.
constexpr Index kDensePositions = 4;     // longer ones are taken by recursion where their structure allows it
constexpr Index kSmallGrid = 32;         // up to which a separable structure is one dense matrix
constexpr Index kHeldRows = 1000;        // up to which, with parameters held, R is a dense matrix

// Random effects of a unit from which its equations may be sparse, and columns of their inverse taken at once.
constexpr Index kSparseUnit = 100;
constexpr Index kPanel = 32;

// Random effects of such a unit above which the search takes the average information, and bytes for the traces of pairs
// above which tests do.
constexpr Index kExactEffects = 256;
constexpr double kExactBytes = 2e8;
constexpr double kAffordableBytes = 1e9;   // with which a search that has come to no end goes on with the Hessian
constexpr int kAverageEvaluations = 60;    // after so many

// Rows of short subjects whose products are taken at once.
constexpr Index kStackedRows = 128;

// Classes of subjects with the same positions.
constexpr Index kWidestPivoted = 400;    // columns of a triangle whose rank is looked for
constexpr Index kMostPlaces = 32;        // whose pairs of pairs are a table
constexpr Index kWidestPlaces = 1500;    // places times columns of which there is a square

// Draws from a lattice that share a stream of random numbers.
constexpr Index kDrawsOfStream = 1024;

}  // namespace henderson

#endif
